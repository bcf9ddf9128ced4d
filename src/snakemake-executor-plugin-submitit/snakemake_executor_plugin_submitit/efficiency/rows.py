"""One job of the report: what it asked for beside what it used, from both who measured it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from snakemake_executor_plugin_submitit.efficiency.ledger import Ended
from snakemake_executor_plugin_submitit.efficiency.sacct import Attempt


@dataclass(frozen=True)
class Row:
    """A job with all of its attempts: seconds, bytes on one node, 0 where nobody knows.

    What SLURM saw and what the job saw itself are both too little at times: SLURM's because it looks
    twice a minute, the job's because it may be killed. So the larger one counts.
    """

    job: Ended
    source: str  # who measured: sacct, job, both, or nobody
    attempts: int
    elapsed: float  # of all attempts
    longest: float
    cpu_seconds: float
    memory: float
    cpus: int  # that it had to keep busy
    memory_asked: float
    gpus: int
    gpu_busy: float | None  # percent, the highest that was seen
    gpu_memory: float | None

    @property
    def busy(self) -> float | None:
        """CPUs that were busy, on average; None where nobody measured: no job uses none at all.

        Nor is it known of a job that was over within a second, which the accounting counts as 0.
        """
        measured = self.elapsed >= 1 and self.cpu_seconds > 0
        return self.cpu_seconds / self.elapsed if measured else None

    @property
    def limit(self) -> float:
        """Seconds that an attempt may take; 0 where the site decides."""
        return 60 * (self.job.asked.minutes or 0)

    @property
    def failed(self) -> bool:
        """Whether it ended in another way than by being done."""
        return self.job.state != "done"


def join(jobs: Sequence[Ended], accounts: Mapping[str, Sequence[Attempt]]) -> list[Row]:
    """Every job with what is known of it."""
    return [_row(job, _attempts(job, accounts)) for job in jobs]


def _attempts(job: Ended, accounts: Mapping[str, Sequence[Attempt]]) -> list[Attempt]:
    addresses = [*(address for address, _ in job.lost), job.address]
    attempts = [one for address in addresses for one in accounts.get(address, ())]
    # Of one that waited, or still runs for a moment, the job itself knows more.
    return [one for one in attempts if one.settled or one.state == "REQUEUED"]


def _row(job: Ended, attempts: Sequence[Attempt]) -> Row:
    steps = [step for attempt in attempts for step in attempt.steps]
    busy = [step.gpu_busy for step in steps if step.gpu_busy is not None]
    held = [step.gpu_memory for step in steps if step.gpu_memory is not None]
    asked, own = job.asked, job.usage
    has = {"sacct": bool(attempts), "job": own.attempts > 0}
    began = [attempt for attempt in attempts if attempt.elapsed > 0 or attempt.steps]
    return Row(
        job=job,
        source="+".join(name for name, there in has.items() if there) or "nobody",
        attempts=max(len(began), own.attempts),
        elapsed=max(sum(one.elapsed for one in attempts), own.elapsed),
        longest=max([own.longest, *(one.elapsed for one in attempts)]),
        cpu_seconds=max(sum(one.used_cpu_seconds for one in attempts), own.cpu_seconds),
        memory=max([own.memory, *(one.used_memory for one in attempts)]),
        cpus=asked.cpus or max([0, *(one.cpus for one in attempts)]),
        memory_asked=asked.memory or max([0.0, *(one.memory for one in attempts)]),
        gpus=max([asked.gpus, *(one.gpus for one in attempts)]),
        gpu_busy=max(busy, default=None),
        gpu_memory=max(held, default=None),
    )

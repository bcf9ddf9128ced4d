"""Every job of this run that has ended: what it asked for, how it ended, what it measured itself."""

import re
from dataclasses import dataclass, field, replace
from typing import Any

from snakemake_executor_plugin_submitit.efficiency.sacct import size
from snakemake_executor_plugin_submitit.job.spec import Outcome
from snakemake_executor_plugin_submitit.job.usage import Usage
from snakemake_executor_plugin_submitit.monitoring import failure
from snakemake_executor_plugin_submitit.monitoring.watcher import Event
from snakemake_executor_plugin_submitit.registry.registry import Entry
from snakemake_executor_plugin_submitit.registry.tasks import Task
from snakemake_executor_plugin_submitit.resources.sbatch_options import Request

MEGABYTE = 1024.0**2  # SLURM's M, and so the `mem_mb` of a job


@dataclass(frozen=True)
class Asked:
    """What a job asked for; None where it left that to the site."""

    cpus: int | None = None  # of all its tasks
    memory: float | None = None  # bytes on each node
    minutes: float | None = None
    gpus: int = 0
    nodes: int = 1
    tasks: int = 1
    # The names under which its rule asks, as a profile would.
    cpus_by: str = "threads"
    memory_by: str = "mem_mb"
    memory_unit: float = MEGABYTE  # bytes on each node for 1 of `memory_by`; 0: that is not known

    @classmethod
    def by(cls, request: Request, resources: Any) -> "Asked":
        """What a request asks for; `resources` are those of Snakemake's job."""
        options = dict(request.options)
        cpus = request.cpus * request.tasks if request.cpus else None
        memory, by, unit = size(str(options.get("mem", ""))), "mem_mb", MEGABYTE
        if "mem-per-cpu" in options:
            # Where SLURM chooses the nodes, nobody knows beforehand how many CPUs are on each.
            unit = MEGABYTE * (cpus or 1) / request.nodes if request.nodes else 0.0
            by, memory = "mem_mb_per_cpu", unit * size(str(options["mem-per-cpu"])) / MEGABYTE
        return cls(
            cpus=cpus,
            memory=memory or None,
            minutes=request.runtime,
            gpus=_gpus(options, request.nodes or 1),
            nodes=request.nodes or 1,
            tasks=request.tasks,
            cpus_by="cpus_per_task" if resources.get("cpus_per_task") else "threads",
            memory_by=by,
            memory_unit=unit,
        )


@dataclass(frozen=True)
class Ended:
    """One job that ended."""

    rule: str  # of a group: all of its rules
    grouped: bool
    title: str  # with its wildcards
    address: str  # SLURM's id, 12_3 or 12_3@other
    submitted: float  # seconds since 1970
    state: str  # done, or why it failed
    asked: Asked
    usage: Usage
    node: str = ""
    lost: tuple[tuple[str, float], ...] = ()  # earlier submissions, with when they were


@dataclass
class Ledger:
    """The jobs in the order in which they ended."""

    jobs: list[Ended] = field(default_factory=list)
    _lost: dict[str, tuple[Usage, tuple[tuple[str, float], ...]]] = field(default_factory=dict)

    def ended(self, event: Event) -> None:
        """Note a job that ended for good, as done or failed."""
        task, outcome, entry = event.task, event.outcome, event.task.entry
        if entry is None or not entry.job_id or entry.cancelled:
            return
        earlier, lost = self._lost.pop(task.identity, (Usage(), ()))
        done = event.kind == "done"
        self.jobs.append(
            Ended(
                rule=_rule(task.info.job),
                grouped=task.info.job.is_group(),
                title=task.title,
                address=entry.address,
                submitted=entry.submitted,
                state="done" if done else _why(event),
                asked=Asked.by(task.request, task.info.job.resources),
                usage=earlier.then(_usage(entry, outcome)),
                node=outcome.node if outcome else "",
                lost=lost,
            )
        )

    def submitted_again(self, task: Task, lost: Entry, outcome: Outcome | None) -> None:
        """Note a submission in whose place another one comes: it has used something all the same."""
        usage, addresses = self._lost.get(task.identity, (Usage(), ()))
        self._lost[task.identity] = (
            usage.then(_usage(lost, outcome)),
            (*addresses, (lost.address, lost.submitted)),
        )


def _usage(entry: Entry, outcome: Outcome | None) -> Usage:
    """What the job wrote when it ended; of one that was killed, its last beat."""
    if outcome is not None and outcome.usage:
        return Usage.of(outcome.usage)
    beat = entry.beat
    used = Usage.of(beat.usage) if beat is not None else Usage()
    if outcome is not None and not used.attempts:
        # Of a version that measured nothing but the time.
        elapsed = max(0.0, outcome.finished - outcome.started)
        used = replace(used, attempts=1, elapsed=elapsed, longest=elapsed)
    return used


def _why(event: Event) -> str:
    log = failure.log_of(event.task, event.outcome)
    last = failure.tail(log) if log is not None and log.exists() else []
    return failure.reason(event.outcome, event.seen, last)


def _rule(job: Any) -> str:
    if not job.is_group():
        return str(job.rule.name)
    rules = [part.rule.name for layer in job.toposorted for part in layer]
    return "+".join(dict.fromkeys(rules))


def _gpus(options: dict[str, Any], nodes: int) -> int:
    """How many GPUs the options ask for on all nodes, as far as one can read it."""
    per_node = re.findall(
        r"gpu(?::[\w.+-]*[A-Za-z][\w.+-]*)?(?::(\d+))?(?=,|$)", str(options.get("gres", ""))
    )
    per_job = re.findall(r"(\d+)(?=,|$)", str(options.get("gpus", "")))
    return sum(int(count or 1) for count in per_node) * nodes + sum(map(int, per_job))

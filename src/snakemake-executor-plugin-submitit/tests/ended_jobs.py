"""Jobs as the ledger has them, to be joined with what was measured."""

from snakemake_executor_plugin_submitit.efficiency.ledger import MEGABYTE, Asked, Ended
from snakemake_executor_plugin_submitit.efficiency.rows import Row, join
from snakemake_executor_plugin_submitit.job.usage import Usage


def ended(
    rule: str = "train",
    *,
    address: str = "7",
    state: str = "done",
    memory: float = 500,
    busy: float = 1,
    seconds: float = 600,
    attempts: int = 1,
    asked: Asked | None = None,
    grouped: bool = False,
) -> Ended:
    """A job that used `memory` MB and `busy` CPUs for so many seconds."""
    elapsed = attempts * seconds
    return Ended(
        rule=rule,
        grouped=grouped,
        title=f"rule {rule}",
        address=address,
        submitted=1_700_000_000.0,
        state=state,
        asked=asked or asking(),
        usage=Usage(attempts, elapsed, seconds, busy * elapsed, memory * MEGABYTE),
    )


def asking(memory: float | None = 1000, cpus: int = 1, minutes: float | None = 20) -> Asked:
    """What a job asks for: MB, CPUs, minutes."""
    return Asked(cpus=cpus, memory=memory * MEGABYTE if memory else None, minutes=minutes)


def rows(*jobs: Ended) -> list[Row]:
    """The rows of jobs that SLURM says nothing of."""
    return join(jobs, {})

"""A Snakemake job on its way through SLURM."""

from dataclasses import dataclass, field
from typing import Any

from snakemake_executor_plugin_submitit.registry.registry import Entry
from snakemake_executor_plugin_submitit.resources.sbatch_options import Request


@dataclass(eq=False)
class Task:
    """One job that was handed over, from before its submission until its result is reported."""

    info: Any  # Snakemake's SubmittedJobInfo
    name: str
    title: str  # `rule train (variant=vit_b16, seed=0)`
    identity: str
    digest: str
    request: Request
    spec: dict[str, Any]  # the fields of its JobSpec
    outputs: list[str] = field(default_factory=list)
    forced: bool = False  # the user asked for this rule to run again
    entry: Entry | None = None  # its submission, once there is one
    replaced: list[Entry] = field(default_factory=list)  # submissions that came to nothing
    adopted: bool = False  # submitted by an earlier Snakemake
    timeouts: int = 0  # how often it was requeued at a time limit by another submission
    resubmissions: int = 0
    ended_since: float | None = None  # SLURM says it ended, but its record has not appeared
    asked: bool = False  # SLURM has been asked about it since it was submitted
    warned: str = ""

    @property
    def address(self) -> str:
        """The id with its cluster, empty while there is none."""
        return self.entry.address if self.entry and self.entry.job_id else ""

    @property
    def job_id(self) -> str:
        """SLURM's id, empty while there is none."""
        return self.entry.job_id if self.entry else ""

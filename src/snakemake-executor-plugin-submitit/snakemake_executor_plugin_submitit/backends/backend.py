"""What the executor needs of a place where jobs run."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

from snakemake_executor_plugin_submitit.job.worker import Worker
from snakemake_executor_plugin_submitit.resources.sbatch_options import Request
from snakemake_executor_plugin_submitit.slurm.queries import Seen


class Backend(Protocol):
    """What the executor needs of a place where jobs run."""

    def submit(
        self,
        folder: Path,
        workers: Sequence[Worker],
        name: str,
        request: Request,
        logs: Path | None = None,
    ) -> list[str]:
        """Start jobs of equal resources; returns their ids in the same order.

        Their logs lie in `logs`, or in the folder as well.
        On a cluster that was chosen by name they are `12@other`, here and in what follows.
        """

    def look(self, job_ids: Iterable[str]) -> dict[str, Seen]:
        """What is known of jobs; those nobody knows any more are left out."""

    def controller(self, job_id: str) -> Seen | None:
        """What whoever runs the job says of it by its id; None only if it is known to be gone."""

    def cancel(self, job_ids: Iterable[str]) -> None:
        """End jobs, running or queued."""

    def find(self, folder: Path, place: str = "") -> str | None:
        """The id of the job or array whose submission's answer was never heard."""

    def largest_array(self, place: str = "") -> int:
        """How many jobs fit into one submission to clusters, by commas; empty: the usual one."""

    def counts_any(self, place: str = "") -> bool:
        """Whether the user has jobs there, whoever submitted them, that count against a limit."""

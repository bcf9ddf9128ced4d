"""Jobs inside Snakemake's own process."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

import submitit

from snakemake_executor_plugin_submitit.job.worker import Worker
from snakemake_executor_plugin_submitit.resources.sbatch_options import Request
from snakemake_executor_plugin_submitit.settings import ExecutorSettings
from snakemake_executor_plugin_submitit.slurm.queries import Seen


class DebugBackend:
    """One job after the other inside Snakemake's process: for a debugger."""

    def __init__(self, settings: ExecutorSettings) -> None:
        self.settings = settings

    def submit(
        self,
        folder: Path,
        workers: Sequence[Worker],
        name: str,
        request: Request,
        logs: Path | None = None,
    ) -> list[str]:
        """Run the jobs, now."""
        executor = submitit.DebugExecutor(folder=folder)
        job_ids = []
        for worker in workers:
            job = executor.submit(worker)
            with suppress(SystemExit):  # the outcome is in the job's record
                job.done()
            job_ids.append(str(job.job_id))
        return job_ids

    def look(self, job_ids: Iterable[str]) -> dict[str, Seen]:
        """They have all ended."""
        return {job_id: Seen("FAILED") for job_id in job_ids}

    def controller(self, job_id: str) -> Seen | None:
        """They have all ended."""
        return None

    def cancel(self, job_ids: Iterable[str]) -> None:
        """They have all ended."""

    def find(self, folder: Path, place: str = "") -> str | None:
        """They have all ended."""
        return None

    def largest_array(self, place: str = "") -> int:
        """One folder per job."""
        return 1

    def counts_any(self, place: str = "") -> bool:
        """Nothing limits this process."""
        return False

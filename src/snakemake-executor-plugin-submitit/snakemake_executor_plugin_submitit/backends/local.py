"""Jobs on this machine, as processes."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import submitit

from snakemake_executor_plugin_submitit.job.worker import Worker
from snakemake_executor_plugin_submitit.layout import log_in
from snakemake_executor_plugin_submitit.resources.sbatch_options import Request
from snakemake_executor_plugin_submitit.settings import ExecutorSettings
from snakemake_executor_plugin_submitit.slurm.queries import Seen

# In the command of every local job; with --submitit-setup that is one line for a shell.
CONTROLLER = "submitit.local._local"


class LocalBackend:
    """Processes on this machine; they outlive Snakemake as jobs on a cluster do."""

    def __init__(self, settings: ExecutorSettings) -> None:
        self.settings = settings
        self._jobs: dict[str, Any] = {}

    def submit(
        self,
        folder: Path,
        workers: Sequence[Worker],
        name: str,
        request: Request,
        logs: Path | None = None,
    ) -> list[str]:
        """Start one process per job; Snakemake's -j limits how many there are."""
        executor = submitit.LocalExecutor(folder=folder, python=self.settings.python or None)
        # A laptop has no time limits; a year is none.
        executor.update_parameters(timeout_min=60 * 24 * 365, stderr_to_stdout=True)
        if self.settings.setup:
            executor.update_parameters(setup=[self.settings.setup])
        jobs = [executor.submit(worker) for worker in workers]
        self._jobs |= {str(job.job_id): job for job in jobs}
        job_ids = [str(job.job_id) for job in jobs]
        if logs is not None and logs != folder:
            # submitit opens a log below its folder.
            for job_id in job_ids:
                log_in(logs, job_id).symlink_to(log_in(folder, job_id))
        return job_ids

    def look(self, job_ids: Iterable[str]) -> dict[str, Seen]:
        """Whether the processes live; a pid that now belongs to something else does not count."""
        return {
            job_id: Seen("RUNNING" if self._process(job_id) else "FAILED") for job_id in job_ids
        }

    def controller(self, job_id: str) -> Seen | None:
        """The process of this machine, if there is one."""
        return Seen("RUNNING") if self._process(job_id) else None

    def cancel(self, job_ids: Iterable[str]) -> None:
        """Kill the processes with all that they started."""
        for job_id in job_ids:
            process = self._process(job_id)
            if process is None:
                continue
            family = [*process.children(recursive=True), process]
            for member in family:
                with suppress(psutil.NoSuchProcess):
                    member.kill()
            psutil.wait_procs(family, timeout=5)

    def find(self, folder: Path, place: str = "") -> str | None:
        """A process that was started for the folder."""
        for process in psutil.process_iter(["cmdline"]):
            command = " ".join(process.info["cmdline"] or [])
            if CONTROLLER in command and str(folder) in command:
                return str(process.pid)
        return None

    def largest_array(self, place: str = "") -> int:
        """One folder per job."""
        return 1

    def counts_any(self, place: str = "") -> bool:
        """Processes of this machine are under no limit."""
        return False

    def _process(self, job_id: str) -> psutil.Process | None:
        job = self._jobs.get(job_id)
        if job is not None and job.state != "RUNNING":  # this also reaps the ended child
            return None
        try:
            process = psutil.Process(int(job_id))
            alive = CONTROLLER in " ".join(process.cmdline())
        except (psutil.Error, ValueError):
            return None
        return process if alive else None

"""Jobs on SLURM, through sbatch."""

import os
import shlex
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import submitit

from snakemake_executor_plugin_submitit.job.worker import Worker
from snakemake_executor_plugin_submitit.layout import log_in
from snakemake_executor_plugin_submitit.resources.sbatch_options import Request
from snakemake_executor_plugin_submitit.settings import ExecutorSettings
from snakemake_executor_plugin_submitit.slurm import environment, queries, states
from snakemake_executor_plugin_submitit.slurm.commands import MissingError, UnreachableError
from snakemake_executor_plugin_submitit.slurm.failed_nodes import FailedNodes
from snakemake_executor_plugin_submitit.slurm.queries import SILENT, Seen
from snakemake_executor_plugin_submitit.slurm.sbatch import Sbatch
from snakemake_executor_plugin_submitit.slurm.states import JobStatus

# Jobs that live shorter get their notice when the grace time ends, which costs them little.
SHORT_MINUTES = 10

# Without one of these no job can be submitted, or nobody would know what became of it.
COMMANDS = ("sbatch", "squeue", "scancel", "scontrol", "srun")

# A notice that comes before the worker listens must not end it.
DEAF = """/bin/sh -c 'trap "" TERM USR2; exec "$@"' sh"""


class SlurmBackend:
    """Jobs and arrays through sbatch."""

    def __init__(self, settings: ExecutorSettings, failed: FailedNodes | None = None) -> None:
        self.settings = settings
        self.failed = failed
        self._largest: dict[str, int] = {}  # by cluster

    def submit(
        self,
        folder: Path,
        workers: Sequence[Worker],
        name: str,
        request: Request,
        logs: Path | None = None,
    ) -> list[str]:
        """Submit one job, or an array of several."""
        if missing := absent():  # their file system may be away for a while
            raise MissingError(missing)
        step = self._in_step(request)
        python = self.settings.python or shlex.quote(sys.executable)
        env = environment.of_submissions(dict(request.options))
        log = str(log_in(logs or folder, "%j" if len(workers) == 1 else "%A_%a"))
        executor = Sbatch(
            folder=folder,
            # Without srun, Python takes the place of the batch script and gets its signals.
            python=f"{DEAF} {python}" if step else f"exec {python}",
            env=env,
            left_out=lambda script: self._left_out(script, name, request, env),
        )
        for index, worker in enumerate(workers):
            _pickle(worker, folder / f"task-{index}.pkl")
        executor.update_parameters(
            job_name=name,
            nodes=None,  # unless asked for
            time=None,  # unless the rule says so: the partition's default
            wckey=None,  # "submitit" unless removed; some sites refuse unknown keys
            stderr_to_stdout=True,
            use_srun=step,
            srun_args=[f"--output={log}", "--overlap", "--nodes=1", "--ntasks=1"],
            array_parallelism=len(workers),
            setup=_setup(folder, step, self.settings.setup),
            additional_parameters={
                # The worker keeps the time by itself; this leaves SIGTERM for preemption.
                "signal": "TERM@0",
                "output": log,
                **({"requeue": True} if request.requeued else {}),
                **dict(request.options),
            },
        )
        one = len(workers) == 1
        jobs = [executor.submit(workers[0])] if one else executor.submit_array(list(workers))
        return [_address(str(job.job_id), executor.cluster) for job in jobs]

    def look(self, job_ids: Iterable[str]) -> dict[str, Seen]:
        """Ask squeue about all jobs, and the accounting about those that it has forgotten.

        Jobs of a cluster that gives no answer are SILENT. Raises UnreachableError if none gives any.
        """
        found: dict[str, Seen] = {}
        answered, error = False, None
        for cluster, ids in _by_cluster(job_ids).items():
            try:
                seen = self._look(set(ids), cluster)
            except UnreachableError as silence:
                error, seen = silence, dict.fromkeys(ids, SILENT)
            else:
                answered = True
            found |= {_address(job_id, cluster): seen[job_id] for job_id in seen}
        if error is not None and not answered:
            raise error
        return found

    def _look(self, wanted: set[str], cluster: str) -> dict[str, Seen]:
        known = queries.queue(cluster)
        found = {job_id: seen for job_id, seen in known.items() if job_id in wanted}
        # Only the accounting tells exit codes, which matter where a job left no record.
        ended = {job_id for job_id in found if states.status_of(found[job_id]) is JobStatus.ENDED}
        old = queries.accounting((wanted - set(found)) | ended, cluster)
        for job_id in ended & set(old):
            found[job_id] = replace(found[job_id], exit_code=old[job_id].exit_code)
        return {job_id: seen for job_id, seen in old.items() if job_id in wanted} | found

    def controller(self, job_id: str) -> Seen | None:
        """Ask the controller itself."""
        job_id, _, cluster = job_id.partition("@")
        return queries.controller(job_id, cluster)

    def cancel(self, job_ids: Iterable[str]) -> None:
        """Cancel all of a cluster's in one request."""
        for cluster, ids in _by_cluster(job_ids).items():
            queries.cancel(ids, cluster)

    def find(self, folder: Path, place: str = "") -> str | None:
        """Look for the folder's unique name among the user's jobs, where they were to go."""
        for cluster in place.split(","):
            if found := queries.find_submission(folder, cluster):
                return _address(found, cluster)
        return None

    def largest_array(self, place: str = "") -> int:
        """The smaller of the user's and the sites' limits, each asked once."""
        clusters = (place or environment.place()).split(",")
        for cluster in clusters:
            if cluster not in self._largest:
                self._largest[cluster] = queries.max_array_size(cluster)
        sites = (self._largest[cluster] for cluster in clusters)
        return max(1, min(self.settings.array_size, *sites))

    def counts_any(self, place: str = "") -> bool:
        """Whether squeue shows a job that has not ended, besides the one around Snakemake itself.

        To wait for that one's end would be to wait for our own.
        """
        waits, own = (JobStatus.ALIVE, JobStatus.STUCK), _around_us()
        known = queries.queue(place or environment.place())
        others = [seen for job_id, seen in known.items() if job_id not in own]
        return any(states.status_of(seen) in waits for seen in others)

    def _left_out(
        self, script: str, name: str, request: Request, env: Mapping[str, str]
    ) -> list[str]:
        if self.failed is None:
            return []
        place = request.clusters or environment.place()
        return self.failed.left_out(script, name, request.excluded, place, env)

    def _in_step(self, request: Request) -> bool:
        if request.mpi:  # srun and mpirun look for their job's nodes where a step shows its own
            return False
        if request.signal is not None:  # SLURM sends it to the steps alone
            return True
        if self.settings.step != "auto":
            return self.settings.step == "always"
        return request.gpus or request.runtime is None or request.runtime >= SHORT_MINUTES


def absent() -> str:
    """Which of SLURM's commands cannot be called here and why, in one sentence; empty if all can."""
    missing = [name for name in COMMANDS if not shutil.which(name)]
    if not missing:
        return ""
    # There, but nobody may execute it.
    barred = [name for name in missing if shutil.which(name, mode=os.F_OK)]
    if barred:
        path = shutil.which(barred[0], mode=os.F_OK)
        return f"SLURM's {', '.join(barred)} cannot be executed: {path} lacks the permission"
    return f"SLURM's {', '.join(missing)} {'is' if len(missing) == 1 else 'are'} not on the PATH"


def _around_us() -> set[str]:
    """The ids that squeue may show for the job that this process runs in; none outside one."""
    names = ("SLURM_JOB_ID", "SLURM_ARRAY_JOB_ID", "SLURM_ARRAY_TASK_ID")
    job_id, array, index = (os.environ.get(name, "") for name in names)
    return {job_id, f"{array}_{index}"}


def _address(job_id: str, cluster: str) -> str:
    return f"{job_id}@{cluster}" if cluster else job_id


def _by_cluster(addresses: Iterable[str]) -> dict[str, list[str]]:
    """Ids by their cluster's name, which is empty where none was chosen."""
    found: dict[str, list[str]] = {}
    for address in addresses:
        job_id, _, cluster = address.partition("@")
        found.setdefault(cluster, []).append(job_id)
    return found


def _pickle(worker: Worker, path: Path) -> None:
    submitit.core.utils.DelayedSubmission(worker).dump(path)


def _setup(folder: Path, step: bool, own: str) -> list[str]:
    """The lines before Python.

    submitit renames its pickles once sbatch has answered. If Snakemake is killed in between, the job
    finds its own copy, whose name needs no job id.
    """
    quoted = shlex.quote(str(folder))
    return [
        *([own] if own else []),
        'id="${SLURM_ARRAY_JOB_ID:+${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID}"',
        f'pickle={quoted}/"${{id:-$SLURM_JOB_ID}}"_submitted.pkl',
        '[ -e "$pickle" ] || ln -s "task-${SLURM_ARRAY_TASK_ID:-0}.pkl" "$pickle" 2>/dev/null',
        # Of all tasks; the step is one, and srun would refuse it.
        *(["unset SLURM_NTASKS_PER_GPU"] if step else []),
        # In a step the shell has to outlive a notice. Without one, Python takes the shell's place,
        # and a signal that comes before the worker listens must not end it.
        "trap : TERM" if step else "trap '' TERM USR2",
    ]

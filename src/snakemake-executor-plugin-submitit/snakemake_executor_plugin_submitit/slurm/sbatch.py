"""submitit's submission, with an sbatch that is called in an environment of its own and may hang."""

import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import submitit
from submitit.core.utils import DelayedSubmission, FailedSubmissionError, JobPaths

from snakemake_executor_plugin_submitit.slurm import commands
from snakemake_executor_plugin_submitit.slurm.commands import RefusedError

# What SLURM says of a job or an array that it took.
TAKEN = re.compile(r"Submitted batch job (\d+)(?: on cluster (\S+))?")


class Sbatch(submitit.SlurmExecutor):
    """Submits one job, or an array of several; `env` is what sbatch is called with.

    `left_out` says which nodes a script's jobs should not run on, for reasons of their own included.
    submitit waits for sbatch without a limit, leaves it behind when Snakemake ends, and calls an
    answer in another encoding a killed job.
    """

    def __init__(
        self,
        folder: Path,
        python: str,
        env: Mapping[str, str],
        left_out: Callable[[str], Sequence[str]] = lambda script: (),
    ) -> None:
        super().__init__(folder=folder, python=python)
        self.env = env
        self.left_out = left_out
        self.cluster = ""  # by name, where sbatch chose one

    def _internal_process_submissions(
        self, delayed_submissions: list[DelayedSubmission]
    ) -> list[submitit.Job[Any]]:
        if len(delayed_submissions) == 1:
            return list(super()._internal_process_submissions(delayed_submissions))
        pickles = []
        for delayed in delayed_submissions:
            pickles.append(self.folder / f"{uuid.uuid4().hex}.pkl")
            delayed.set_timeout(self.parameters.get("time") or 5, self.max_num_timeout)
            delayed.dump(pickles[-1])
        array = Sbatch(self.folder, self.python, self.env, self.left_out)
        array.update_parameters(**self.parameters)
        array.parameters["map_count"] = len(pickles)
        first = array._submit_command(self._submitit_command_str)
        self.cluster = array.cluster
        tasks = list(range(first.num_tasks))
        jobs: list[submitit.Job[Any]] = []
        for index, pickle in enumerate(pickles):
            job: submitit.SlurmJob[Any] = submitit.SlurmJob(
                folder=self.folder, job_id=f"{first.job_id}_{index}", tasks=tasks
            )
            job.paths.move_temporary_file(pickle, "submitted_pickle")
            jobs.append(job)
        return jobs

    def _num_tasks(self) -> int:
        """Of the worker, whatever tasks the rule starts; submitit would count nodes."""
        return 1

    def _submit_command(self, command: str) -> submitit.Job[Any]:
        unique = uuid.uuid4().hex
        script = JobPaths.get_first_id_independent_folder(self.folder) / f"{unique}.sh"
        script.write_text(self._make_submission_file_text(command, unique), encoding="utf-8")
        job_id, self.cluster = _submit(str(script), self.env, self.left_out(str(script)))
        job: submitit.SlurmJob[Any] = submitit.SlurmJob(
            folder=self.folder, job_id=job_id, tasks=list(range(self._num_tasks()))
        )
        job.paths.move_temporary_file(script, "submission_file", keep_as_symlink=True)
        return job


def _submit(script: str, env: Mapping[str, str], left_out: Sequence[str] = ()) -> tuple[str, str]:
    """The id of what sbatch took, and the cluster if it names one.

    Raises FailedSubmissionError where it takes nothing or says nothing.
    """
    try:
        # Here it replaces the script's own, which says what the rule asked for.
        exclude = [f"--exclude={','.join(left_out)}"] if left_out else []
        output = commands.run("sbatch", *exclude, script, env=env)
    except RefusedError as error:
        raise FailedSubmissionError(error.output) from None
    taken = TAKEN.search(output)
    if taken is None:
        raise FailedSubmissionError(
            f"expected 'Submitted batch job <id>' from sbatch, found {commands.shown(output)}"
        )
    return taken.group(1), taken.group(2) or ""

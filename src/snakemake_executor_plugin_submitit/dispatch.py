"""Submission: jobs of equal resources go out as one array, at once; what SLURM refuses waits."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

from submitit.core.utils import FailedJobError, FailedSubmissionError

from snakemake_executor_plugin_submitit import naming, records
from snakemake_executor_plugin_submitit.backends import Backend
from snakemake_executor_plugin_submitit.layout import Layout
from snakemake_executor_plugin_submitit.registry import Entry, Registry
from snakemake_executor_plugin_submitit.resources import Request
from snakemake_executor_plugin_submitit.settings import ExecutorSettings
from snakemake_executor_plugin_submitit.slurm import UnreachableError
from snakemake_executor_plugin_submitit.spec import JobSpec
from snakemake_executor_plugin_submitit.tasks import Task
from snakemake_executor_plugin_submitit.worker import Worker

# sbatch's words for a controller that does not answer: nothing is wrong with the job.
UNREACHABLE = (
    "Unable to contact slurm controller",
    "Socket timed out",
    "Connection refused",
    "Connection reset",
    "ommunication connection failure",
    "Zero Bytes were transmitted",
    "Transport endpoint is not connected",
    "Message receive failure",
    "Slurm backup controller in standby mode",
    "Resource temporarily unavailable",
    "try again later",
    "Unable to accept new jobs",
    "Protocol authentication error",
)
# And for a limit on how much one user may have queued.
LIMITED = (
    "job submit limit",
    "MaxSubmitJob",
    "MaxJobs",
    "Job/step already completing or completed",
    "Invalid job array specification",
)


@dataclass(frozen=True)
class Refusal:
    """A job that SLURM will not take, with its own words."""

    task: Task
    message: str


class Dispatcher:
    """The jobs that wait for their submission."""

    def __init__(
        self,
        settings: ExecutorSettings,
        layout: Layout,
        registry: Registry,
        backend: Backend,
        tell: Callable[[str], None],
    ) -> None:
        self.settings = settings
        self.layout = layout
        self.registry = registry
        self.backend = backend
        self.tell = tell
        self.waiting: list[Task] = []
        self._pause = 1.0
        self._largest = 0  # below the site's limit once SLURM has refused an array for its size

    def add(self, task: Task, delay: float = 0) -> None:
        """Submit a job at the next step, or later."""
        task.not_before = time.monotonic() + delay
        self.waiting.append(task)

    @property
    def due(self) -> bool:
        """Whether a job waits whose time has come."""
        now = time.monotonic()
        return any(task.not_before <= now for task in list(self.waiting))

    def step(self, others_run: bool) -> tuple[list[Task], list[Refusal]]:
        """Submit what is due; returns the jobs that are now SLURM's, and those it refuses."""
        now = time.monotonic()
        due = [task for task in list(self.waiting) if task.not_before <= now]
        submitted: list[Task] = []
        refused: list[Refusal] = []
        try:
            submitted += self._unheard(due)
        except UnreachableError:
            self._postpone(due, self._pause)
        due = [task for task in due if task not in submitted and task.not_before <= now]
        for chunk in self._chunks(due):
            try:
                self._submit(chunk)
            except (FailedJobError, FailedSubmissionError, UnreachableError, OSError) as error:
                text = str(error).strip()
                if isinstance(error, OSError):
                    refused += self._refuse(chunk, f"could not be submitted: {text}")
                else:
                    refused += self._handle(chunk, text, others_run or bool(submitted))
            else:
                self._pause = 1.0
                self._largest *= 2  # carefully back to whole arrays
                submitted += chunk
        gone = {*submitted, *(refusal.task for refusal in refused)}
        for task in gone:
            self.waiting.remove(task)
        return submitted, refused

    def _chunks(self, tasks: Sequence[Task]) -> Iterator[list[Task]]:
        groups: dict[Request, list[Task]] = defaultdict(list)
        for task in tasks:
            groups[task.request].append(task)
        for group in groups.values():
            size = self.backend.largest_array() if len(group) > 1 else 1
            size = min(size, self._largest or size)
            for begin in range(0, len(group), size):
                yield group[begin : begin + size]

    def _unheard(self, tasks: list[Task]) -> list[Task]:
        """Jobs that SLURM took although sbatch heard no answer: they are looked for, not repeated."""
        found: list[Task] = []
        for task in tasks:
            if task.entry is None:
                continue
            entry = task.entry
            job_id = self.backend.find(Path(entry.folder), entry.index, entry.array)
            if job_id:
                task.entry = replace(entry, job_id=job_id)
                self.registry.write(task.entry)
                self.tell(f"{task.name} is job {job_id}, although sbatch got no answer")
                found.append(task)
        return found

    def _submit(self, tasks: list[Task]) -> None:
        name = naming.array_name([task.name for task in tasks])
        folder = self.layout.new_submission(naming.clean(name.replace("*", "_")))
        workers = []
        for index, task in enumerate(tasks):
            task.entry = self._enter(task, folder, index, len(tasks) > 1)
            path = folder / f"{index}.json"
            self._specify(task, renamed=task.name != name).write(path)
            workers.append(Worker(str(path)))
        job_ids = self.backend.submit(folder, workers, name, tasks[0].request)
        for task, job_id in zip(tasks, job_ids, strict=True):
            assert task.entry is not None
            task.entry = replace(task.entry, job_id=job_id)
            try:
                self.registry.write(task.entry)
            except OSError as error:
                # The job can still be found by its folder's name.
                self.tell(f"The id {job_id} of {task.name} could not be noted: {error}")
        if len(tasks) == 1:
            self.tell(f"{name} is job {job_ids[0]}, log: {folder}/{job_ids[0]}_0_log.out")
        else:
            first = job_ids[0].partition("_")[0]
            self.tell(f"{len(tasks)} jobs {name} are array {first}, logs: {folder}")

    def _enter(self, task: Task, folder: Path, index: int, array: bool) -> Entry:
        entry = Entry(
            identity=task.identity,
            key=f"{task.identity}-{uuid4().hex[:12]}",
            name=task.name,
            digest=task.digest,
            cluster=self.settings.cluster,
            folder=str(folder),
            index=index,
            array=array,
            submitted=time.time(),
            resubmissions=task.resubmissions,
        )
        self.registry.write(entry)
        return entry

    def _specify(self, task: Task, renamed: bool) -> JobSpec:
        assert task.entry is not None
        return JobSpec(
            key=task.entry.key,
            identity=task.identity,
            name=task.name,
            root=str(self.layout.root),
            runtime=task.request.runtime if self.settings.cluster == "slurm" else None,
            notice=self.settings.notice,
            timeouts=self.settings.timeouts - task.timeouts,
            launcher=task.request.launcher if self.settings.cluster == "slurm" else "",
            rename=renamed,
            **task.spec,
        )

    def _handle(self, tasks: list[Task], text: str, others_run: bool) -> list[Refusal]:
        if any(words in text for words in LIMITED) and (len(tasks) > 1 or others_run):
            delay = 1.0 if len(tasks) > 1 else 5.0
            self._largest = max(1, len(tasks) // 2)
            self._postpone(tasks, delay)
            self._warn(tasks, f"SLURM takes no more than {self._largest} jobs at once now: {text}")
            return []
        if any(words in text for words in UNREACHABLE):
            self._pause = min(60.0, self._pause * 2)
            self._postpone(tasks, self._pause)
            self._warn(tasks, f"SLURM cannot be reached; {tasks[0].name} waits: {text}")
            return []
        return self._refuse(tasks, f"is refused by sbatch: {text}")

    def _refuse(self, tasks: list[Task], why: str) -> list[Refusal]:
        for task in tasks:
            if task.entry is not None:
                self.registry.forget(task.entry)
        return [Refusal(task, f"{task.name} {why}") for task in tasks]

    def _postpone(self, tasks: list[Task], delay: float) -> None:
        for task in tasks:
            task.not_before = time.monotonic() + delay

    def _warn(self, tasks: list[Task], text: str) -> None:
        if tasks[0].warned != text:
            self.tell(text)
        for task in tasks:
            task.warned = text


def used_timeouts(entry: Entry) -> int:
    """How often a submission was requeued at its time limit, as its worker counted."""
    counts = records.read(Path(entry.folder) / f"{entry.index}.counts") or {}
    return int(counts.get("timeouts", 0))

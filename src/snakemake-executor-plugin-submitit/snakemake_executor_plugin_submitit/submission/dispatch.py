"""Submission: jobs of equal resources go out as one array, at once; what SLURM refuses waits."""

import shutil
import signal
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

from submitit.core.utils import FailedJobError, FailedSubmissionError

from snakemake_executor_plugin_submitit import records
from snakemake_executor_plugin_submitit.backends.backend import Backend
from snakemake_executor_plugin_submitit.job.spec import JobSpec
from snakemake_executor_plugin_submitit.job.worker import Worker
from snakemake_executor_plugin_submitit.layout import Layout, log_in
from snakemake_executor_plugin_submitit.monitoring.proof_of_end import Proof
from snakemake_executor_plugin_submitit.partitions.choice import Choice, NoPartitionError
from snakemake_executor_plugin_submitit.registry.registry import Entry, Registry
from snakemake_executor_plugin_submitit.registry.tasks import Task
from snakemake_executor_plugin_submitit.resources import job_names
from snakemake_executor_plugin_submitit.resources.sbatch_options import Request
from snakemake_executor_plugin_submitit.settings import ExecutorSettings
from snakemake_executor_plugin_submitit.slurm import environment, errors
from snakemake_executor_plugin_submitit.slurm.commands import UnreachableError
from snakemake_executor_plugin_submitit.submission.unconfirmed import Search

# Seconds between two tries below a limit: smaller arrays are tried soon, a single job ever more rarely.
SMALLER, SOON, LATE = 1.0, 5.0, 60.0
# Seconds for which SLURM may count a job against a limit although its result is there.
STILL_COUNTED = 60.0


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
        proof: Proof,
        choice: Choice,
        log: Callable[[str], None],
    ) -> None:
        self.settings = settings
        self.layout = layout
        self.registry = registry
        self.backend = backend
        self.proof = proof
        self.choice = choice
        self.log = log
        self.waiting: list[Task] = []
        self._largest = 0  # below the site's limit once SLURM has refused an array for its size
        self._closed_until = 0.0  # monotonic; SLURM is not asked to take anything before
        self._unreachable_pause = 1.0
        self._full_pause = SOON
        self._full_since: float | None = None  # when a limit last refused a single job
        self._ended_at = -STILL_COUNTED

    def add(self, task: Task, instead_of: Entry | None = None) -> None:
        """Submit a job at the next step that SLURM is open for, perhaps not for the first time."""
        if instead_of is not None:
            task.replaced.append(instead_of)
        self.waiting.append(task)

    @property
    def due(self) -> bool:
        """Whether jobs wait and SLURM may be asked to take them."""
        return bool(self.waiting) and time.monotonic() >= self._closed_until

    def room(self) -> None:
        """A job has ended: one more may fit below the limit before its pause is over."""
        self._ended_at = time.monotonic()
        if self._full_since is not None:
            self._closed_until = min(self._closed_until, self._full_since + SOON)

    def step(self, others_run: bool) -> tuple[list[Task], list[Refusal]]:
        """Submit what waits; returns the jobs that are now SLURM's, and those it refuses.

        The first word that SLURM is full or away ends the step: the others would hear the same.
        """
        submitted: list[Task] = []
        refused: list[Refusal] = []
        if not self.due:
            return submitted, refused
        counted = others_run or time.monotonic() - self._ended_at < STILL_COUNTED
        try:
            found, doubtful = self._unconfirmed()
            submitted += found
            ready = [task for task in self.waiting if task not in found and task not in doubtful]
            for chunk in self._chunks(ready):
                try:
                    self._submit(chunk)
                except (FailedJobError, FailedSubmissionError) as error:
                    text = str(error).strip()
                    if self._closed(chunk, text, counted or bool(submitted)):
                        break
                    refused += self._refuse(chunk, f"is refused by sbatch: {text}", advised=True)
                except NoPartitionError as error:
                    refused += self._refuse(chunk, f"is not submitted: {error}")
                except OSError as error:
                    refused += self._refuse(chunk, f"could not be submitted: {error}")
                else:
                    self._unreachable_pause, self._full_pause = 1.0, SOON
                    self._full_since = None
                    self._largest *= 2  # carefully back to whole arrays
                    submitted += chunk
        except UnreachableError as error:
            self._away(self.waiting, str(error))
        for task in (*submitted, *(refusal.task for refusal in refused)):
            self.waiting.remove(task)
        return submitted, refused

    def _chunks(self, tasks: Sequence[Task]) -> Iterator[list[Task]]:
        groups: dict[Request, list[Task]] = defaultdict(list)
        for task in tasks:
            groups[task.request].append(task)
        for group in groups.values():
            place = group[0].request.clusters
            most = self.backend.largest_array(place) if len(group) > 1 else 1
            while group:
                # Looked at again for every chunk, as it grows with each that SLURM takes.
                size = min(most, self._largest or most)
                yield group[:size]
                del group[:size]

    def _unconfirmed(self) -> tuple[list[Task], list[Task]]:
        """Jobs that SLURM took although sbatch heard no answer, and those that it may have taken.

        They are looked for, and repeated only when the first one cannot run any more.
        """
        search = Search(self.backend, self.registry)
        found: list[Task] = []
        doubtful: list[Task] = []
        silence: UnreachableError | None = None
        for task in self.waiting:
            if task.entry is None:
                continue
            try:
                task.entry = search.complete(task.entry)
                if task.entry.job_id:
                    self.proof.forget(task.entry)  # its entry, as it is now, is not cancelled
                    self.log(f"{task.name} is job {task.job_id}, although sbatch got no answer")
                    found.append(task)
                elif not self.proof.ended(task.entry, self.backend):
                    doubtful.append(task)
            except UnreachableError as error:
                if not task.request.clusters:
                    raise
                doubtful.append(task)  # the jobs of other clusters need not wait for this one
                silence = error
        if silence is not None and len(doubtful) == len(self.waiting):
            raise silence
        return found, doubtful

    def _submit(self, tasks: list[Task]) -> None:
        name = job_names.array_name([task.name for task in tasks])
        request = tasks[0].request
        options = self.choice.by_slurm(name, dict(request.options), request.mpi)
        request = request.with_options(options)
        folder = self.layout.new_submission(job_names.clean(name.replace("*", "_")))
        workers = []
        for index, task in enumerate(tasks):
            if task.entry is not None:  # sbatch heard no answer, and SLURM does not know it
                task.replaced.append(task.entry)
            place = request.clusters or environment.place()
            task.entry = self._enter(task, folder, index, len(tasks) > 1, place)
            path = folder / f"{index}.json"
            self._specify(task, renamed=task.name != name).write(path)
            workers.append(Worker(str(path)))
        logs = self.layout.logs_of(folder)
        shown = job_names.prefixed(self.settings.jobname_prefix, name)
        job_ids = self.backend.submit(folder, workers, shown, request, logs)
        addresses, job_ids = job_ids, [address.partition("@")[0] for address in job_ids]
        for task, address in zip(tasks, addresses, strict=True):
            assert task.entry is not None
            job_id, _, place = address.partition("@")
            task.entry = replace(task.entry, job_id=job_id, place=place)
            try:
                self.registry.write(task.entry)
            except OSError as error:
                # The job can still be found by its folder's name.
                self.log(f"The id {job_id} of {task.name} could not be noted: {error}")
        where = f" on cluster {place}" if request.clusters and place else ""
        if len(tasks) == 1:
            self.log(f"{name} is job {job_ids[0]}{where}, log: {log_in(logs, job_ids[0])}")
        else:
            first = job_ids[0].partition("_")[0]
            self.log(f"{len(tasks)} jobs {name} are array {first}{where}, logs: {logs}")

    def _enter(self, task: Task, folder: Path, index: int, array: bool, place: str) -> Entry:
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
            request=task.request.digest,
            place=place if self.settings.cluster == "slurm" else "",
            logs=str(self.layout.logs_of(folder)),
        )
        self.registry.write(entry)
        return entry

    def _specify(self, task: Task, renamed: bool) -> JobSpec:
        assert task.entry is not None
        number, seconds = task.request.signal or (0, 0.0)
        return JobSpec(
            key=task.entry.key,
            identity=task.identity,
            name=job_names.prefixed(self.settings.jobname_prefix, task.name),
            root=str(self.layout.root),
            runtime=task.request.runtime if self.settings.cluster == "slurm" else None,
            # SIGUSR2 is the notice itself; it may come earlier than usual.
            notice=seconds if number == signal.SIGUSR2 else self.settings.notice,
            signal=number,
            requeue=task.request.requeued,
            timeouts=self.settings.timeouts - task.timeouts,
            beat=self.settings.beat,
            launcher=task.request.launcher if self.settings.cluster == "slurm" else "",
            rename=renamed,
            logs=task.entry.logs,
            **task.spec,
        )

    def _closed(self, tasks: list[Task], text: str, others_run: bool) -> bool:
        """Whether SLURM takes nothing now, by its words on refusing an array or a job."""
        # A single job that the user's other jobs are not in the way of will never fit.
        counts_any = self.backend.counts_any
        if errors.is_full(text) and (
            len(tasks) > 1 or others_run or counts_any(tasks[0].request.clusters)
        ):
            self._full(tasks, text)
            return True
        if errors.is_away(text):
            self._away(tasks, text)
            return True
        return False

    def _full(self, tasks: list[Task], text: str) -> None:
        """Try again later with half as many; nothing of the refused submission remains."""
        self._forget(tasks)
        self._largest = max(1, len(tasks) // 2)
        now = time.monotonic()
        if len(tasks) > 1:
            self._full_since, self._closed_until = None, now + SMALLER
        else:
            self._full_since, self._closed_until = now, now + self._full_pause
            self._full_pause = min(LATE, self._full_pause * 2)
        # The limit may be that of one account or partition.
        self._let_others_pass(tasks[0].request)
        self._warn(tasks, f"SLURM takes no more than {self._largest} jobs at once now: {text}")

    def _away(self, tasks: list[Task], text: str) -> None:
        self._full_since = None
        self._unreachable_pause = min(LATE, self._unreachable_pause * 2)
        self._closed_until = time.monotonic() + self._unreachable_pause
        if tasks[0].request.clusters:  # another cluster may answer
            self._let_others_pass(tasks[0].request)
        self._warn(tasks, f"SLURM cannot be reached; {tasks[0].name} waits: {text}")

    def _let_others_pass(self, request: Request) -> None:
        """Jobs that ask for something else come first next time."""
        for task in [task for task in self.waiting if task.request == request]:
            self.waiting.remove(task)
            self.waiting.append(task)

    def _forget(self, tasks: list[Task]) -> None:
        for task in tasks:
            if task.entry is not None:
                self.registry.forget(task.entry)
                for folder in {task.entry.folder, task.entry.logs}:
                    shutil.rmtree(folder, ignore_errors=True)
                task.entry = None

    def _refuse(self, tasks: list[Task], why: str, advised: bool = False) -> list[Refusal]:
        for task in tasks:
            if task.entry is not None:
                self.registry.forget(task.entry)
        request = tasks[0].request
        if advised and self.settings.cluster == "slurm":
            why = ". ".join(filter(None, (why, self.choice.advice(dict(request.options)))))
        return [Refusal(task, f"{task.name} {why}") for task in tasks]

    def _warn(self, tasks: list[Task], text: str) -> None:
        if tasks[0].warned != text:
            self.log(text)
        for task in tasks:
            task.warned = text


def used_timeouts(entry: Entry) -> int:
    """How often a submission was requeued at its time limit, as its worker counted."""
    counts = records.read(Path(entry.folder) / f"{entry.index}.counts") or {}
    return int(counts.get("timeouts", 0))

"""Jobs that an earlier Snakemake left behind: taken over if they still fit, else replaced."""

import os
import time
from collections.abc import Callable

from snakemake_executor_plugin_submitit import states
from snakemake_executor_plugin_submitit.backends import Backend
from snakemake_executor_plugin_submitit.dispatch import Dispatcher, used_timeouts
from snakemake_executor_plugin_submitit.registry import Entry, Registry
from snakemake_executor_plugin_submitit.settings import ExecutorSettings
from snakemake_executor_plugin_submitit.slurm import UnreachableError
from snakemake_executor_plugin_submitit.spec import Outcome
from snakemake_executor_plugin_submitit.states import Fate
from snakemake_executor_plugin_submitit.tasks import Task
from snakemake_executor_plugin_submitit.unheard import Search, may_appear

# How often a job that has to go is looked at.
PAUSE = 2.0


class Adoption:
    """Decides for every job that is handed over whether it has been submitted already."""

    def __init__(
        self,
        settings: ExecutorSettings,
        registry: Registry,
        backend: Backend,
        dispatcher: Dispatcher,
        tell: Callable[[str], None],
    ) -> None:
        self.settings = settings
        self.registry = registry
        self.backend = backend
        self.dispatcher = dispatcher
        self.taken_over: list[Task] = []
        self.tell = tell
        self._replacing: list[tuple[Task, Entry]] = []
        self._unheard: list[tuple[Task, Entry]] = []
        self._next = 0.0

    def consider(self, task: Task) -> None:
        """Submit a job, take over its earlier submission, or replace that one."""
        entry = self.registry.read(task.identity)
        if entry is None:
            self.dispatcher.add(task)
            return
        outcome = Outcome.read(self.registry.layout.outcome(entry.key))
        if outcome is not None and outcome.verdict in ("done", "failed"):
            self._take_result(task, entry, outcome)
        elif self._unfit(task, entry):
            self._replacing.append((task, entry))
            self._next = 0
        elif not entry.job_id:
            self._unheard.append((task, entry))
            self._next = 0
        else:
            self._take_over(task, entry)

    @property
    def due(self) -> bool:
        """Whether earlier jobs have to be looked at now."""
        return bool(self._replacing or self._unheard) and time.monotonic() >= self._next

    def step(self) -> None:
        """Look after jobs that have to go before their successor, or whose id is unknown."""
        if not self.due:
            return
        self._next = time.monotonic() + PAUSE
        try:
            self._find_unheard()
            self._replace()
        except UnreachableError as error:
            self.tell(f"SLURM does not answer; earlier jobs cannot be looked at yet: {error}")
            self._next = time.monotonic() + 15

    def done(self, task: Task) -> None:
        """Say that a job was finished by an earlier Snakemake's submission."""
        if task.adopted:
            self.tell(f"{task.name} (job {task.job_id}) was finished without this Snakemake.")

    def _unfit(self, task: Task, entry: Entry) -> bool:
        return (
            self.settings.fresh
            or entry.cancelled
            or entry.digest != task.digest
            or entry.cluster != self.settings.cluster
        )

    def _take_result(self, task: Task, entry: Entry, outcome: Outcome) -> None:
        complete = all(os.path.lexists(name) for name in task.outputs)
        fits = not self._unfit(task, entry) and not task.forced and complete
        if outcome.verdict == "done" and fits:
            self._take_over(task, entry)
            return
        self.registry.forget(entry)
        self.dispatcher.add(task)

    def _take_over(self, task: Task, entry: Entry) -> None:
        task.entry, task.adopted = entry, True
        task.resubmissions = entry.resubmissions
        task.info.external_jobid = entry.job_id
        self.tell(f"{task.name} was submitted before as job {entry.job_id}; it is taken over.")
        self.taken_over.append(task)

    def _find_unheard(self) -> None:
        waiting, self._unheard = self._unheard, []
        search = Search(self.backend, self.registry)
        for task, entry in waiting:
            entry = search.complete(entry)
            if entry.job_id:
                self._take_over(task, entry)
            elif may_appear(entry):
                self._unheard.append((task, entry))
            else:
                # Should it appear all the same, it finds the new submission in its place and ends.
                self.dispatcher.add(task)

    def _replace(self) -> None:
        if not self._replacing:
            return
        ids = {entry.job_id: (task, entry) for task, entry in self._replacing if entry.job_id}
        seen = self.backend.look(ids) if ids else {}
        still = []
        for task, entry in self._replacing:
            state = seen.get(entry.job_id)
            if state is not None and states.fate(state) in (Fate.ALIVE, Fate.STUCK):
                still.append((task, entry))
            else:
                task.timeouts = used_timeouts(entry) if entry.digest == task.digest else 0
                self.registry.forget(entry)
                self.dispatcher.add(task)
        fresh = [entry for task, entry in still if task.warned != "replacing"]
        for task, entry in still:
            if task.warned != "replacing":
                self.tell(f"{task.name}: job {entry.job_id} does not fit any more and has to go.")
                task.warned = "replacing"
        if fresh:
            self.backend.cancel(entry.job_id for entry in fresh)
        self._replacing = still

"""Jobs that an earlier Snakemake left behind: taken over if they still fit, else replaced."""

import os
import time
from collections.abc import Callable
from dataclasses import replace

from snakemake_executor_plugin_submitit.backends.backend import Backend
from snakemake_executor_plugin_submitit.backends.choice import choose
from snakemake_executor_plugin_submitit.backends.slurm import absent
from snakemake_executor_plugin_submitit.job.spec import Outcome
from snakemake_executor_plugin_submitit.monitoring.proof_of_end import Proof
from snakemake_executor_plugin_submitit.records import UnreadableError
from snakemake_executor_plugin_submitit.registry.registry import Entry, Registry
from snakemake_executor_plugin_submitit.registry.tasks import Task
from snakemake_executor_plugin_submitit.settings import ExecutorSettings
from snakemake_executor_plugin_submitit.slurm import states
from snakemake_executor_plugin_submitit.slurm.commands import UnreachableError
from snakemake_executor_plugin_submitit.slurm.states import JobStatus
from snakemake_executor_plugin_submitit.submission.dispatch import (
    Dispatcher,
    Refusal,
    used_timeouts,
)
from snakemake_executor_plugin_submitit.submission.unconfirmed import Search, may_appear

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
        proof: Proof,
        log: Callable[[str], None],
    ) -> None:
        self.settings = settings
        self.registry = registry
        self.backend = backend
        self.dispatcher = dispatcher
        self.proof = proof
        self.taken_over: list[Task] = []
        self.log = log
        self.refused: list[Refusal] = []
        self._unreadable: list[Task] = []
        # Monotonic, by identity: with `retries` the same outputs are asked for again and again.
        self._unreadable_since: dict[str, float] = {}
        self._replacing: list[tuple[Task, Entry]] = []
        self._unconfirmed: list[tuple[Task, Entry]] = []
        self._changed: list[tuple[Task, Entry]] = []
        self._alive: set[str] = set()  # keys of those that have to go, and have not gone
        self._next = 0.0

    def consider(self, task: Task) -> None:
        """Submit a job, take over its earlier submission, or replace that one."""
        try:
            entry = self.registry.read(task.identity)
        except UnreadableError as error:
            self._wait_for_entry(task, error)
            return
        self._unreadable_since.pop(task.identity, None)
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
            self._unconfirmed.append((task, entry))
            self._next = 0
        else:
            self._settle(task, entry)

    @property
    def due(self) -> bool:
        """Whether earlier jobs have to be looked at now."""
        earlier = self._unreadable or self._replacing or self._unconfirmed or self._changed
        return bool(earlier) and time.monotonic() >= self._next

    def step(self) -> None:
        """Look after jobs whose id or state decides, and those that have to go before their successor."""
        if not self.due:
            return
        self._next = time.monotonic() + PAUSE
        unreadable, self._unreadable = self._unreadable, []
        for task in unreadable:
            self.consider(task)
        try:
            self._find_unconfirmed()
            self._judge_changed()
            self._replace()
        except UnreachableError as error:
            self.log(f"SLURM does not answer; earlier jobs cannot be looked at yet: {error}")
            self._next = time.monotonic() + 15

    def done(self, task: Task) -> None:
        """Say that a job was finished by an earlier Snakemake's submission."""
        if task.adopted:
            self.log(f"{task.name} (job {task.job_id}) was finished without this Snakemake.")

    def _wait_for_entry(self, task: Task, error: UnreadableError) -> None:
        """Look again at what cannot be read now: the job that it is about may be at work."""
        now = time.monotonic()
        lasts = now - self._unreadable_since.setdefault(task.identity, now)
        if lasts >= self.settings.silence:
            why = (
                f"{task.name} is not submitted: {error}, for {lasts:.0f} s now. It says which job makes "
                "these outputs, and that one may still run. See to it that none does, remove the file, "
                "and start Snakemake again"
            )
            self.refused.append(Refusal(task, why))
            return
        self._unreadable.append(task)
        if lasts >= PAUSE and task.warned != "unreadable":
            self.log(f"{task.name}: {error}; a job of its may run. It is looked at again.")
            task.warned = "unreadable"

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

    def _settle(self, task: Task, entry: Entry) -> None:
        # An entry of an older version does not know what was asked for.
        if entry.request and entry.request != task.request.digest:
            self._changed.append((task, entry))
            self._next = 0
        else:
            self._take_over(task, entry)

    def _take_over(self, task: Task, entry: Entry) -> None:
        task.entry, task.adopted = entry, True
        task.resubmissions = entry.resubmissions
        task.info.external_jobid = entry.job_id
        self.log(f"{task.name} was submitted before as job {entry.job_id}; it is taken over.")
        self.taken_over.append(task)

    def _find_unconfirmed(self) -> None:
        search = Search(self.backend, self.registry)
        waiting, self._unconfirmed = self._unconfirmed, []
        for position, (task, entry) in enumerate(waiting):
            try:
                entry = search.complete(entry)
                gone = not entry.job_id and not may_appear(entry)
                gone = gone and self.proof.ended(entry, self.backend)
            except UnreachableError:
                self._unconfirmed += waiting[position:]
                raise
            if entry.job_id:
                self.proof.forget(entry)  # its entry, as it is now, is not cancelled
                self._settle(task, entry)
            elif gone:
                # Should it appear all the same, it finds the new submission in its place and ends.
                self.dispatcher.add(task, instead_of=entry)
            else:
                self._unconfirmed.append((task, entry))

    def _judge_changed(self) -> None:
        """Other resources are a reason to submit anew, as long as nothing that ran is lost by it."""
        if not self._changed:
            return
        seen = self.backend.look(entry.address for _, entry in self._changed)
        changed, self._changed = self._changed, []
        for task, entry in changed:
            state = seen.get(entry.address)
            waits = state is not None and states.base(state.state) == "PENDING"
            if waits and (entry.beat is None or entry.beat.ended):
                self._replacing.append((task, entry))
            else:
                self._take_over(task, entry)

    def _replace(self) -> None:
        """Cancel jobs, and submit anew those whose predecessor has provably ended."""
        waiting, self._replacing = self._replacing, []
        trouble: UnreachableError | None = None
        # An earlier Snakemake may have used SLURM where this one uses processes, or the other way.
        for cluster in sorted({entry.cluster for _, entry in waiting}):
            pairs = [pair for pair in waiting if pair[1].cluster == cluster]
            backend = self._backend_of(cluster)
            try:
                pairs = self._cancelled(pairs, backend)
            except UnreachableError as error:
                trouble = error
                self._replacing += pairs
                continue
            for task, entry in pairs:
                try:
                    ended = not may_appear(entry) and self._has_ended(entry, backend)
                except UnreachableError as error:
                    trouble, ended = error, False
                if ended:
                    task.timeouts = used_timeouts(entry) if entry.digest == task.digest else 0
                    self.registry.forget(entry)
                    self.dispatcher.add(task, instead_of=entry)
                else:
                    self._replacing.append((task, entry))
        if trouble is not None:
            raise trouble

    def _backend_of(self, cluster: str) -> Backend | None:
        """Where a job was submitted; None where that cannot be asked from here."""
        if cluster == self.settings.cluster:
            return self.backend
        if cluster == "slurm" and absent():
            return None
        return choose(replace(self.settings, cluster=cluster))

    def _cancelled(
        self, pairs: list[tuple[Task, Entry]], backend: Backend | None
    ) -> list[tuple[Task, Entry]]:
        """Cancel all of them, and say so once; those whose id was not known get it."""
        if backend is not None:
            search = Search(backend, self.registry)
            # Its id is noted without taking back that it is cancelled.
            pairs = [
                (task, search.complete(replace(entry, cancelled=True))) for task, entry in pairs
            ]
        self.proof.cancel([entry for _, entry in pairs], backend)
        for task, entry in pairs:
            if entry.job_id and task.warned != "replacing":
                self.log(f"{task.name}: job {entry.job_id} does not fit any more and has to go.")
                task.warned = "replacing"
        known = [entry.address for _, entry in pairs if entry.job_id]
        seen = backend.look(known) if backend is not None and known else {}
        self._alive = {
            entry.key
            for _, entry in pairs
            if (state := seen.get(entry.address))
            and states.status_of(state) in (JobStatus.ALIVE, JobStatus.STUCK)
        }
        return pairs

    def _has_ended(self, entry: Entry, backend: Backend | None) -> bool:
        # Who is in the queue need not be asked about one by one.
        return entry.key not in self._alive and self.proof.ended(entry, backend)

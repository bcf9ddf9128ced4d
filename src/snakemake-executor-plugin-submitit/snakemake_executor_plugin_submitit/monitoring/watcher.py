"""What becomes of submitted jobs: their own records first, SLURM rarely and about all at once."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from snakemake_executor_plugin_submitit.backends.backend import Backend
from snakemake_executor_plugin_submitit.job.spec import Outcome
from snakemake_executor_plugin_submitit.job.worker import SUPERSEDED
from snakemake_executor_plugin_submitit.layout import Layout
from snakemake_executor_plugin_submitit.monitoring.node_failures import RequeuedJobs
from snakemake_executor_plugin_submitit.monitoring.proof_of_end import Proof
from snakemake_executor_plugin_submitit.registry.registry import Entry
from snakemake_executor_plugin_submitit.registry.tasks import Task
from snakemake_executor_plugin_submitit.settings import ExecutorSettings
from snakemake_executor_plugin_submitit.slurm import states
from snakemake_executor_plugin_submitit.slurm.commands import UnreachableError
from snakemake_executor_plugin_submitit.slurm.queries import SILENT, Seen
from snakemake_executor_plugin_submitit.slurm.states import JobStatus

# A record may become visible later than SLURM's word that the job ended.
RECORD_DELAY = 8.0
# The accounting may be minutes behind the queue: so many times the silence of a lost job.
STALE = 5
# Seconds that one conversation spends on proofs; the other jobs' come with the next.
PROVING = 10.0
# Ended by SIGTERM before its worker listened, or replaced by a submission that got lost.
TAKEN_AWAY = {f"{128 + 15}:0", "0:15", f"{SUPERSEDED}:0"}


@dataclass(frozen=True)
class Event:
    """News of one job."""

    task: Task
    kind: Literal["done", "failed", "again"]
    outcome: Outcome | None = None
    seen: Seen | None = None
    why: str = ""


class Watcher:
    """The jobs that SLURM has."""

    def __init__(
        self,
        settings: ExecutorSettings,
        layout: Layout,
        backend: Backend,
        proof: Proof,
        log: Callable[[str], None],
        requeued: RequeuedJobs | None = None,
    ) -> None:
        self.settings = settings
        self.layout = layout
        self.backend = backend
        self.proof = proof
        self.log = log
        self.requeued = requeued
        self.tasks: dict[str, Task] = {}  # by key
        self._ask_at = 0.0
        self._pause = 0.0
        self._silent = False
        # What jobs without a record seem to have come to, by key; None while it may still appear.
        self._suspects: dict[str, Event | None] = {}
        self._proven: set[str] = set()

    def add(self, task: Task, soon: bool = False) -> None:
        """Watch a job; `soon` asks SLURM about it at the next look, as for one taken over."""
        assert task.entry is not None
        if not self.tasks:
            self._ask_at = time.monotonic() + self.settings.ask
        if soon:
            self._ask_at = 0
        self.tasks[task.entry.key] = task

    @property
    def curious(self) -> bool:
        """Whether SLURM should be asked now."""
        return bool(self.tasks) and time.monotonic() >= self._ask_at

    def look(self, seen: dict[str, Seen] | None) -> list[Event]:
        """News since the last look, with SLURM's answer if it was asked.

        Jobs that ended are not watched any more.
        """
        ended = [
            (self.tasks[key], outcome)
            for key in self._recorded()
            if (outcome := Outcome.read(self.layout.outcome(key))) is not None
        ]
        new = [task for task, outcome in ended if _puzzling(outcome) and task.ended_since is None]
        if seen is None and new and not self._silent:
            self._ask_at = min(self._ask_at, time.monotonic())
        events = [self._judge_record(task, outcome, seen) for task, outcome in ended]
        if seen is not None:
            recorded = {id(task) for task, _ in ended}
            events += [
                self._judge_state(task, seen.get(task.address))
                for task in self.tasks.values()
                if id(task) not in recorded and task.asked
            ]
        news = [event for event in events if event is not None]
        for event in news:
            assert event.task.entry is not None
            self.tasks.pop(event.task.entry.key, None)
            self._trust(event.task.entry)
        return news

    def _recorded(self) -> list[str]:
        # One listing of one folder tells of a thousand jobs, and a listing is never stale on NFS,
        # where asking for single files is.
        names = {path.stem for path in self.layout.done.iterdir() if path.suffix == ".json"}
        return [key for key in self.tasks if key in names]

    def ask(self) -> dict[str, Seen] | None:
        """SLURM's answer about all jobs; None while it gives none."""
        self._ask_at = time.monotonic() + self.settings.ask
        tasks = list(self.tasks.values())
        for task in tasks:
            task.asked = True
        try:
            found = self.backend.look([task.address for task in tasks])
        except UnreachableError as error:
            self._pause = min(120.0, max(5.0, self._pause * 2))
            self._ask_at = time.monotonic() + self._pause
            if not self._silent:
                self.log(f"SLURM does not answer; jobs are watched by their files: {error}")
            self._silent = True
            return None
        if self._silent:
            self.log("SLURM answers again.")
        self._silent, self._pause = False, 0.0
        if self.requeued is not None:
            self.requeued.look(tasks, found)
        self._prove()
        return found

    def _prove(self) -> None:
        """Look after the jobs that seem to have ended; without an answer they are waited for."""
        deadline = time.monotonic() + PROVING
        for key, event in list(self._suspects.items()):
            task = self.tasks.get(key)
            if task is None or task.entry is None or time.monotonic() > deadline:
                continue
            if event is None:
                self.proof.listen(task.entry)
                continue
            try:
                if self.proof.ended(task.entry, self.backend):
                    self._proven.add(key)
            except UnreachableError as error:
                self._warn(task, f"Whether {task.name} (job {task.job_id}) has ended is not known "
                           f"yet; it is waited for: {error}")  # fmt: skip
                return

    def _judge_record(
        self, task: Task, outcome: Outcome, all_seen: dict[str, Seen] | None
    ) -> Event | None:
        seen = (all_seen or {}).get(task.address)
        if outcome.verdict == "done":
            return Event(task, "done", outcome)
        assert task.entry is not None
        if outcome.verdict == "failed":
            suspected = self._suspects.get(task.entry.key)
            if (
                suspected is not None
                and suspected.kind == "again"
                and self.proof.fenced(task.entry)
            ):
                return replace(
                    suspected, outcome=outcome
                )  # cancelled here, as it seemed to be lost
            # SLURM may know better why a job was killed, if it answers.
            if all_seen is None and _puzzling(outcome) and not self._silent:
                return None
            return Event(task, "failed", outcome, seen)
        # It wants to run again but could not requeue itself. SLURM may have done so.
        if all_seen is None:
            return None
        task.ended_since = task.ended_since or time.monotonic()
        if seen is not None and states.status_of(seen) in (JobStatus.ALIVE, JobStatus.STUCK):
            self._ask_soon(task)
            return None
        return self._once_proven(Event(task, "again", outcome, seen, outcome.reason))

    def _judge_state(self, task: Task, seen: Seen | None) -> Event | None:
        if seen is SILENT:
            where = f"cluster {task.entry.place}" if task.entry else "SLURM"
            self._warn(task, f"{task.name} (job {task.job_id}) is watched by its files: {where} "
                       "does not answer.")  # fmt: skip
            return None
        status_of = JobStatus.LOST if seen is None else states.status_of(seen)
        alive = status_of in (JobStatus.ALIVE, JobStatus.STUCK)
        if alive and seen is not None and seen.queued:
            task.ended_since, task.adopted = None, False  # from now on it is one of ours
            assert task.entry is not None
            if not self.proof.fenced(task.entry):
                self._trust(task.entry)
            if status_of is JobStatus.STUCK:
                text = f"{seen.state} {seen.reason}".strip()
                self._warn(task, f"{task.name} (job {task.job_id}) does not run: {text}. It is "
                           f"waited for; `scontrol show job {task.job_id}` says more, "
                           "`scontrol release` ends a hold.")  # fmt: skip
            return None
        now = time.monotonic()
        task.ended_since = task.ended_since or now
        silence = self.settings.silence
        delay = silence if seen is None and not task.adopted else min(RECORD_DELAY, silence)
        if alive:  # in the accounting alone: right after a requeue, or out of date for ever
            delay = STALE * silence
        if now - task.ended_since < delay:
            assert task.entry is not None
            self._suspects.setdefault(task.entry.key, None)
            self._ask_soon(task)
            return None
        return self._once_proven(self._verdict(task, seen, status_of))

    def _verdict(self, task: Task, seen: Seen | None, status_of: JobStatus) -> Event:
        if (
            seen is not None
            and status_of is JobStatus.ENDED
            and states.base(seen.state) == "COMPLETED"
        ):
            return Event(task, "done", None, seen)
        if status_of is JobStatus.ENDED and seen is not None and seen.exit_code not in TAKEN_AWAY:
            return Event(task, "failed", None, seen)
        if status_of is JobStatus.FAILED:
            return Event(task, "failed", None, seen)
        why = states.reason(seen) if seen else "SLURM does not know it any more"
        return Event(task, "again", None, seen, why or "ended before it began")

    def _once_proven(self, event: Event) -> Event | None:
        """The event, if the job has provably ended; else that is looked into."""
        entry = event.task.entry
        assert entry is not None
        suspected = self._suspects.get(entry.key)
        if suspected is None or not self.proof.fenced(entry):
            # Afterwards SLURM's word would be of our own cancelling.
            self._suspects[entry.key] = suspected = event
        if entry.key in self._proven:
            return suspected
        self._ask_soon(event.task)
        return None

    def _ask_soon(self, task: Task) -> None:
        """Do not let the user wait for the next regular question, nor ask for ever."""
        now = time.monotonic()
        pause = 3 + (now - (task.ended_since or now)) / 10
        self._ask_at = min(self._ask_at, now + min(pause, self.settings.ask))

    def _trust(self, entry: Entry) -> None:
        self._suspects.pop(entry.key, None)
        self._proven.discard(entry.key)
        self.proof.forget(entry)

    def _warn(self, task: Task, text: str) -> None:
        if task.warned != text:
            task.warned = text
            self.log(text)


def _puzzling(outcome: Outcome) -> bool:
    return outcome.verdict == "again" or (outcome.exit_code > 128 and not outcome.reason)

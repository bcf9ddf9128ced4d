"""What becomes of submitted jobs: their own records first, SLURM rarely and about all at once."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from snakemake_executor_plugin_submitit import states
from snakemake_executor_plugin_submitit.backends import Backend
from snakemake_executor_plugin_submitit.layout import Layout
from snakemake_executor_plugin_submitit.settings import ExecutorSettings
from snakemake_executor_plugin_submitit.slurm import Seen, UnreachableError
from snakemake_executor_plugin_submitit.spec import Outcome
from snakemake_executor_plugin_submitit.states import Fate
from snakemake_executor_plugin_submitit.tasks import Task
from snakemake_executor_plugin_submitit.worker import SUPERSEDED

# A record may become visible later than SLURM's word that the job ended.
RECORD_DELAY = 8.0
# A job that nobody knows may just not be known yet, or the accounting is slow.
UNKNOWN_DELAY = 60.0
# The accounting may be minutes behind the queue.
STALE_DELAY = 300.0
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
        tell: Callable[[str], None],
    ) -> None:
        self.settings = settings
        self.layout = layout
        self.backend = backend
        self.tell = tell
        self.tasks: dict[str, Task] = {}  # by key
        self._ask_at = 0.0
        self._pause = 0.0
        self._silent = False

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
        if seen is None and any(_puzzling(outcome) for _, outcome in ended):
            self._ask_at = min(self._ask_at, time.monotonic())
        events = [self._judge_record(task, outcome, seen) for task, outcome in ended]
        if seen is not None:
            recorded = {id(task) for task, _ in ended}
            events += [
                self._judge_state(task, seen.get(task.job_id))
                for task in self.tasks.values()
                if id(task) not in recorded and task.asked
            ]
        news = [event for event in events if event is not None]
        for event in news:
            assert event.task.entry is not None
            self.tasks.pop(event.task.entry.key, None)
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
            found = self.backend.look([task.job_id for task in tasks])
        except UnreachableError as error:
            self._pause = min(120.0, max(5.0, self._pause * 2))
            self._ask_at = time.monotonic() + self._pause
            if not self._silent:
                self.tell(f"SLURM does not answer; jobs are watched by their files: {error}")
            self._silent = True
            return None
        if self._silent:
            self.tell("SLURM answers again.")
        self._silent, self._pause = False, 0.0
        return found

    def _judge_record(
        self, task: Task, outcome: Outcome, all_seen: dict[str, Seen] | None
    ) -> Event | None:
        seen = (all_seen or {}).get(task.job_id)
        if outcome.verdict == "done":
            return Event(task, "done", outcome)
        if outcome.verdict == "failed":
            # SLURM may know better why a job was killed, if it answers.
            if all_seen is None and _puzzling(outcome) and not self._silent:
                return None
            return Event(task, "failed", outcome, seen)
        # It wants to run again but could not requeue itself. SLURM may have done so.
        if all_seen is None:
            return None
        if seen is not None and states.fate(seen) in (Fate.ALIVE, Fate.STUCK):
            self._ask_at = min(self._ask_at, time.monotonic() + 3)
            return None
        return Event(task, "again", outcome, seen, outcome.reason)

    def _judge_state(self, task: Task, seen: Seen | None) -> Event | None:
        fate = Fate.LOST if seen is None else states.fate(seen)
        alive = fate in (Fate.ALIVE, Fate.STUCK)
        if alive and seen is not None and seen.queued:
            task.ended_since, task.adopted = None, False  # from now on it is one of ours
            if fate is Fate.STUCK:
                self._warn(task, seen)
            return None
        now = time.monotonic()
        task.ended_since = task.ended_since or now
        delay = UNKNOWN_DELAY if seen is None and not task.adopted else RECORD_DELAY
        if alive:  # in the accounting alone: right after a requeue, or out of date for ever
            delay = STALE_DELAY
        if now - task.ended_since < delay:
            # Do not let the user wait for the next regular question.
            self._ask_at = min(self._ask_at, now + 3)
            return None
        if seen is not None and fate is Fate.ENDED and states.base(seen.state) == "COMPLETED":
            return Event(task, "done", None, seen)
        if fate is Fate.ENDED and seen is not None and seen.exit_code not in TAKEN_AWAY:
            return Event(task, "failed", None, seen)
        if fate is Fate.FAILED:
            return Event(task, "failed", None, seen)
        why = states.reason(seen) if seen else "SLURM does not know it any more"
        return Event(task, "again", None, seen, why or "ended before it began")

    def _warn(self, task: Task, seen: Seen) -> None:
        text = f"{seen.state} {seen.reason}".strip()
        if task.warned != text:
            task.warned = text
            self.tell(
                f"{task.name} (job {task.job_id}) does not run: {text}. It is waited for; "
                f"`scontrol show job {task.job_id}` says more, `scontrol release` ends a hold."
            )


def _puzzling(outcome: Outcome) -> bool:
    return outcome.verdict == "again" or (outcome.exit_code > 128 and not outcome.reason)

"""Where one run stands: by its journal, its lock and its heartbeat, as far as its folder can tell.

A run that says RUNNING does so for ever if its machine dies. So who trains must show a sign of life: the lock
is held, or the journal or the lock file was written lately.
"""

import re
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from bakeoff.config.experiment import Run
from bakeoff.errors import TrackingError
from bakeoff.layout import RunFolder
from bakeoff.tracking.events import Event, Metrics
from bakeoff.tracking.journal import NAME, read
from bakeoff.tracking.story import Story
from bakeoff.training.heartbeat import SILENCE, is_held, last_sign

State = Literal["done", "trained", "running", "saved", "queued", "failed", "died", "not started"]
"""`trained`: not evaluated yet. `saved`: stopped after a notice, goes on when it is started again."""

LAST_LINES = 4000  # characters of a log's end in which its error is looked for
ERROR = re.compile(
    r"^(?:bakeoff: error: )?((?<=error: ).*|\w*(?:Error|Interrupt)\b.*)$", re.MULTILINE
)
"""How our own errors and Python's tracebacks end."""


@dataclass(frozen=True)
class Standing:
    """A run as it is now."""

    variant: str
    seed: int
    state: State
    epoch: int  # done so far
    epochs: int
    left: float | None  # seconds that a running one needs still, as far as its epochs tell
    note: str  # where it runs, why it failed, what it reached
    log: str  # the file that says more; empty where there is none

    @property
    def is_over(self) -> bool:
        """Whether it will not go on by itself."""
        return self.state in ("failed", "died")


def standing(run: Run, folder: RunFolder, now: float | None = None) -> Standing:
    """How a run stands `now` (seconds since the Unix epoch; by default the file system's time)."""
    moment = time.time() if now is None else now
    journal = folder.path / NAME
    story, epochs = Story(), run.variant.training.epochs
    try:
        events = read(journal) if journal.exists() else []
    except TrackingError as error:
        return Standing(run.variant.name, run.seed, "failed", 0, epochs, None, str(error), "")
    story.add(events)
    measured = _epochs(events)
    state, stage, note = _state(folder, story, moment)
    left = None
    if state == "running":
        left = _left(measured, epochs, moment, _began(story))
    if state in ("done", "trained"):
        note = _best(measured, run.variant.training.select_on)
    log = folder.path / f"{stage}.log"
    said = str(log) if state in ("failed", "died") and log.exists() else ""
    return Standing(run.variant.name, run.seed, state, len(measured), epochs, left, note, said)


def _state(folder: RunFolder, story: Story, now: float) -> tuple[State, str, str]:
    """The state, the stage that it is about, and what there is to say of it."""
    said = story.state
    process = said.process if said else {}
    alive, seen = _alive(folder, process, now)
    if said is None or said.status == "SCHEDULED" or said.ended:
        # A job that has just begun holds the lock before its journal says so.
        if is_held(folder.lock):
            return "running", "train", "starting"
        if failed := _failure(folder, since=said.time if said else 0.0):
            return "failed", *failed
    if said is None:
        if folder.lock.exists():
            return "died", "train", _silent(seen, {})
        return "not started", "train", ""
    match said.status:
        case "FINISHED":
            done = (folder.path / "metrics.json").exists()
            return ("done" if done else "trained"), "train", ""
        case "FAILED":
            return "failed", "train", (said.error.splitlines() or [""])[0]
        case "KILLED":
            return "died", "train", said.error
        case "SCHEDULED":
            return "saved", "train", "goes on from its checkpoint when it is started again"
    began = story.jobs[-1].process
    if alive:
        return "running", "train", _where(began)
    return "died", "train", _silent(seen, began)


def _alive(folder: RunFolder, process: Mapping[str, str], now: float) -> tuple[bool, float]:
    """Whether somebody trains, and when the last sign of it was (seconds since the Unix epoch)."""
    seen = last_sign(folder.lock, folder.path / NAME)
    # On its own machine the lock tells at once; of another one perhaps only the heartbeat reaches here.
    here = process.get("host") == socket.gethostname()
    return is_held(folder.lock) or (not here and now - seen <= SILENCE), seen


def _failure(folder: RunFolder, since: float) -> tuple[str, str] | None:
    """The stage whose log ends with an error after the journal's last word, and that error."""
    outputs = {
        "pictures": folder.pictures,
        "evaluate": folder.path / "metrics.json",
        "train": folder.best,
    }
    for stage, output in outputs.items():
        log = folder.path / f"{stage}.log"
        if not log.exists() or log.stat().st_mtime < since or output.exists():
            continue
        text = log.read_text(encoding="utf-8", errors="replace")[-LAST_LINES:]
        if errors := ERROR.findall(text):
            return stage, f"{stage}: {errors[-1]}" if stage != "train" else errors[-1]
    return None


def _epochs(events: Sequence[Event]) -> list[Metrics]:
    """The epochs that are done, the first one first."""
    measured = (event for event in events if isinstance(event, Metrics) and not event.is_sample)
    return sorted(
        {event.step: event for event in measured if event.step}.values(), key=lambda e: e.step
    )


def _began(story: Story) -> float:
    running = [job.time for job in story.jobs if job.status == "RUNNING"]
    return running[-1] if running else 0.0


def _left(measured: Sequence[Metrics], epochs: int, now: float, began: float) -> float | None:
    """Seconds to the end, at the pace of the last epochs; None before the first one is done."""
    paces = [m.values["seconds"] for m in measured[-5:] if m.values.get("seconds")]
    if not paces:
        return None
    pace = sum(paces) / len(paces)
    running_for = now - max(measured[-1].time, began)
    return max(0.0, (epochs - len(measured)) * pace - min(running_for, pace))


def _best(measured: Sequence[Metrics], select_on: str) -> str:
    column = {"auc": "val_auc", "accuracy": "val_acc", "loss": "val_loss"}[select_on]
    if not measured or column not in measured[0].values:
        return ""
    pick = min if select_on == "loss" else max
    best = pick(measured, key=lambda one: one.values[column])
    return f"{column} {best.values[column]:.3f} in epoch {best.step}"


def _where(process: Mapping[str, str]) -> str:
    if not process:
        return ""
    job = process.get("slurm_job_id")
    return f"on {process.get('host', '?')}" + (f", SLURM job {job}" if job else "")


def _silent(seen: float, process: Mapping[str, str]) -> str:
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(seen))
    where = _where(process)
    return f"no sign of life since {when}{f' {where}' if where else ''}; it goes on when it is started again"

"""Where one run or pretraining stands: by its journal, lock and heartbeat, as far as its folder can tell.

A run that says RUNNING does so for ever if its machine dies. So who trains must show a sign of life: the lock
is held, or the journal or the lock file was written lately.
"""

import math
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from bakeoff.config.experiment import Run
from bakeoff.config.pretraining import Pretraining
from bakeoff.errors import TrackingError
from bakeoff.layout import PretrainingFolder, RunFolder
from bakeoff.locking import STALE_SECONDS, is_held, last_heartbeat
from bakeoff.status.stages import Stage, of_pretraining, of_run
from bakeoff.task.binary import BinaryTask
from bakeoff.task.classification import LAST, SELECTED, ClassificationTask
from bakeoff.tracking.journal.events import DEVICES, Event, Metrics, Tags
from bakeoff.tracking.journal.journal import NAME, read
from bakeoff.tracking.journal.run_state import RunState

State = Literal[
    "done", "trained", "running", "saved", "queued", "failed", "died", "unknown", "not started"
]
"""`trained`: not evaluated yet. `saved`: stopped after a notice, goes on when it is started again.
`unknown`: SLURM has a job for it, and does not say what it does with it."""


@dataclass(frozen=True)
class RunStatus:
    """A run, a pretraining, or a stage of neither that failed, as it is now."""

    kind: Literal["run", "pretraining", "stage"]
    variant: str  # of a pretraining `pretraining/<name>`, of a stage its name
    seed: int | None  # a stage has none
    state: State
    epoch: int  # done so far
    epochs: int
    left: float | None  # seconds that a running one needs still, as far as its epochs tell
    note: str  # where it runs, why it failed, what it reached
    log: str  # the file that says more; empty where there is none
    unanswered: str = ""  # why SLURM does not say whether it waits, in its words

    @property
    def is_over(self) -> bool:
        """Whether it will not go on by itself."""
        return self.state in ("failed", "died")


def run_status(
    run: Run, folder: RunFolder, now: float | None = None, task: ClassificationTask | None = None
) -> RunStatus:
    """How a run of a task, by default a binary one, stands `now`.

    In seconds since the Unix epoch; by default the time of this machine.
    """
    found, measured = _status(run, folder, of_run(folder), now)
    if found.state == "done":
        if not (folder.path / "metrics.json").exists():
            found = replace(found, state="trained")
        chosen_by = (task or BinaryTask()).selection(run.variant.training.select_on)
        found = _noted(found, _best(measured, *chosen_by))
    return found


def pretraining_status(
    pretraining: Pretraining, folder: PretrainingFolder, now: float | None = None
) -> RunStatus:
    """How a pretraining stands, as `run_status` does for a run."""
    found, measured = _status(pretraining.run, folder, of_pretraining(folder), now)
    if found.state == "done" and measured and "masked_error" in measured[-1].values:
        last = measured[-1]
        note = f"masked_error {last.values['masked_error']:.3f} in epoch {last.step}"
        found = _noted(found, note)
    return replace(found, kind="pretraining", variant=pretraining.weights)


def _noted(found: RunStatus, reached: str) -> RunStatus:
    """With what a run reached before what else there is to say of it."""
    return replace(found, note="; ".join(part for part in (reached, found.note) if part))


def _status(
    run: Run, folder: RunFolder, stages: Sequence[Stage], now: float | None
) -> tuple[RunStatus, list[Metrics]]:
    """What holds of whatever is trained, with its epochs; `done` where its training is."""
    moment = time.time() if now is None else now
    journal = folder.path / NAME
    run_state, epochs = RunState(), run.variant.training.epochs
    found = RunStatus("run", run.variant.name, run.seed, "failed", 0, epochs, None, "", "")
    try:
        events = read(journal) if journal.exists() else []
    except TrackingError as error:
        return replace(found, note=str(error)), []
    run_state.add(events)
    measured = _epochs(events)
    state, stage, note = _state(folder, run_state, stages, moment)
    left = _left(measured, epochs, moment, _began(run_state)) if state == "running" else None
    if (devices := _devices(events)) and state != "not started":
        note = f"{note}; {devices}" if note else devices
    log = str(stage.log) if state in ("failed", "died") and stage.log.exists() else ""
    return replace(found, state=state, epoch=len(measured), left=left, note=note, log=log), measured


def _state(
    folder: RunFolder, run_state: RunState, stages: Sequence[Stage], now: float
) -> tuple[State, Stage, str]:
    """The state, the stage that it is about, and what there is to say of it."""
    last = run_state.state
    process = last.process if last else {}
    alive, seen = _alive(folder, process, now)
    training = next(stage for stage in stages if stage.trains)
    if last is None or last.status == "SCHEDULED" or last.ended:
        # A job that has just begun holds the lock before its journal says so.
        if is_held(folder.lock):
            return "running", training, "starting"
        for stage in stages:
            if error := stage.failure(since=last.time if last else 0.0):
                return "failed", stage, error if stage.trains else f"{stage.name}: {error}"
    if last is None:
        if folder.lock.exists():
            return "died", training, _silent(seen, {})
        return "not started", training, ""
    match last.status:
        case "FINISHED":
            return "done", training, ""
        case "FAILED":
            return "failed", training, (last.error.splitlines() or [""])[0]
        case "KILLED":
            return "died", training, last.error
        case "SCHEDULED":
            return "saved", training, "goes on from its checkpoint when it is started again"
    began = run_state.jobs[-1].process
    if alive:
        return "running", training, _where(began)
    return "died", training, _silent(seen, began)


def _alive(folder: RunFolder, process: Mapping[str, str], now: float) -> tuple[bool, float]:
    """Whether somebody trains, and when the last sign of it was (seconds since the Unix epoch)."""
    seen = last_heartbeat(folder.lock, folder.path / NAME)
    # On its own machine the lock tells at once; of another one perhaps only the heartbeat reaches here.
    here = process.get("host") == socket.gethostname()
    return is_held(folder.lock) or (not here and now - seen <= STALE_SECONDS), seen


def _devices(events: Sequence[Event]) -> str:
    """Of a run that was trained on several kinds of devices: on which."""
    tags = (event.values for event in events if isinstance(event, Tags))
    tagged = [values[DEVICES] for values in tags if DEVICES in values]
    return f"trained on several kinds of devices: {tagged[-1]}" if tagged else ""


def _epochs(events: Sequence[Event]) -> list[Metrics]:
    """The epochs that are done, the first one first."""
    measured = (event for event in events if isinstance(event, Metrics) and not event.is_sample)
    return sorted(
        {event.step: event for event in measured if event.step}.values(), key=lambda e: e.step
    )


def _began(run_state: RunState) -> float:
    running = [job.time for job in run_state.jobs if job.status == "RUNNING"]
    return running[-1] if running else 0.0


def _left(measured: Sequence[Metrics], epochs: int, now: float, began: float) -> float | None:
    """Seconds to the end, at the pace of the last epochs; None before the first one is done."""
    paces = [m.values["seconds"] for m in measured[-5:] if m.values.get("seconds")]
    if not paces:
        return None
    pace = sum(paces) / len(paces)
    running_for = now - max(measured[-1].time, began)
    return max(0.0, (epochs - len(measured)) * pace - min(running_for, pace))


def _best(measured: Sequence[Metrics], column: str, sign: int) -> str:
    """The best epoch by a column of history.csv, with `sign` 1 where higher is better."""
    if column == SELECTED[LAST] and measured:
        return f"the last epoch, {measured[-1].step}"
    known = [one for one in measured if math.isfinite(one.values.get(column, math.nan))]
    if not known:
        return ""
    best = max(known, key=lambda one: sign * one.values[column])
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

"""What the training of one run took: the hours of all its jobs, and the most memory."""

from dataclasses import dataclass

from bakeoff.report.efficiency import events_of, usage
from bakeoff.report.evidence import RunEvidence
from bakeoff.report.reading import Unread
from bakeoff.tracking.journal.hours import Hours, training_hours


@dataclass(frozen=True)
class RunCost:
    """The hours of a run, and its memory in MB at most: "of the GPU", or of the process without one."""

    hours: Hours
    memory: float | None
    memory_of: str  # "GPU" or "process"


def run_cost(run: RunEvidence, unread: Unread) -> RunCost:
    """The cost of a run; without a journal its seconds are those of history.csv, which miss lost work."""
    events = events_of(run, unread)
    record = run.record or {"config": run.config}
    hours, found = training_hours(events, record, _by_history(run)), usage(events)
    on_gpu = found is not None and found.gpu_memory is not None and hours.unit == "GPU"
    memory = None if found is None else found.gpu_memory if on_gpu else found.memory
    return RunCost(hours, memory, "GPU" if on_gpu else "process")


def _by_history(run: RunEvidence) -> float | None:
    seconds = run.history.get("seconds")
    return float(seconds.sum()) if seconds is not None and seconds.notna().any() else None

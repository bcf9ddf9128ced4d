"""What the training of one run took, by its journal: all its jobs, preempted and killed ones among them."""

from collections.abc import Sequence
from dataclasses import dataclass

from bakeoff.report.efficiency import events_of, processes, usage
from bakeoff.report.evidence import RunEvidence
from bakeoff.report.numbers import number
from bakeoff.report.reading import Unread, dig, part
from bakeoff.tracking.journal.attempts import attempts
from bakeoff.tracking.journal.events import Event, Tags


@dataclass(frozen=True)
class RunCost:
    """Seconds of a run's jobs together, on `units` GPUs or CPUs at a time."""

    seconds: float | None
    jobs: int  # 0 where no journal tells of them
    devices: list[str]  # names of GPUs, or "CPU"
    unit: str  # "GPU" or "CPU"; "" where it is not known or not one
    units: int
    memory: float | None  # MB, the most
    memory_of: str  # "GPU", or "process" where there is none

    @property
    def hours(self) -> float | None:
        """GPU-hours or CPU-hours; None where it is not known which."""
        if self.seconds is None or not self.unit:
            return None
        return self.units * self.seconds / 3600


def run_cost(run: RunEvidence, unread: Unread) -> RunCost:
    """The cost of a run; without a journal its seconds are those of history.csv, which miss lost work."""
    events = events_of(run, unread)
    jobs = list(attempts(events))
    devices = _devices(run, events)
    kinds = {"CPU" if device == "CPU" else "GPU" for device in devices}
    unit = kinds.pop() if len(kinds) == 1 else ""
    asked, found = part(run.config, "resources"), usage(events)
    threads = int(number(part(run.config, "training").get("threads")) or 1)
    on_gpu = found is not None and found.gpu_memory is not None and unit == "GPU"
    memory = None if found is None else found.gpu_memory if on_gpu else found.memory
    return RunCost(
        seconds=sum(job.seconds for job in jobs) if jobs else _by_history(run),
        jobs=len(jobs),
        devices=devices,
        unit=unit,
        units=processes(asked) * (threads if unit == "CPU" else 1),
        memory=memory,
        memory_of="GPU" if on_gpu else "process",
    )


def _devices(run: RunEvidence, events: Sequence[Event]) -> list[str]:
    """The kinds of device that the run's jobs had, in order."""
    found, device, gpu = [], None, None
    for event in events:
        if isinstance(event, Tags) and "device" in event.values:
            device = event.values["device"]
        if isinstance(event, Tags) and "gpu" in event.values:
            gpu = event.values["gpu"]
        if isinstance(event, Tags) and device is not None:
            found.append(_name(device, gpu))
    if not found and (recorded := dig(run.record, "provenance", "device")):
        found.append(_name(str(recorded), dig(run.record, "provenance", "gpu")))
    return list(dict.fromkeys(found))


def _name(device: str, gpu: object) -> str:
    return "CPU" if device == "cpu" else str(gpu or "GPU")


def _by_history(run: RunEvidence) -> float | None:
    seconds = run.history.get("seconds")
    return float(seconds.sum()) if seconds is not None and seconds.notna().any() else None

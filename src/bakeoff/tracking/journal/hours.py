"""GPU-hours and CPU-hours of a run: all its jobs, preempted and killed ones among them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bakeoff.tracking.journal.attempts import attempts
from bakeoff.tracking.journal.events import Event, Tags

CPU = "CPU"


@dataclass(frozen=True)
class Hours:
    """Seconds of a run's jobs together, on `units` GPUs or CPUs at a time."""

    seconds: float | None
    jobs: int  # 0 where no journal tells of them
    devices: list[str]  # names of GPUs, or "CPU"
    unit: str  # "GPU" or "CPU"; "" where it is not known, or was both
    units: int

    @property
    def value(self) -> float | None:
        """GPU-hours or CPU-hours; None where it is not known which."""
        if self.seconds is None or not self.unit:
            return None
        return self.units * self.seconds / 3600


def training_hours(
    events: Sequence[Event], record: Mapping[str, Any], otherwise: float | None = None
) -> Hours:
    """The hours of a run by its journal; `record` is its run.json, or its `config` alone.

    Without a journal the seconds are `otherwise`. A GPU counts once for each process of the run, a CPU
    once for each thread of each process.
    """
    jobs = list(attempts(events))
    devices = _devices(events, record)
    kinds = {CPU if device == CPU else "GPU" for device in devices}
    unit = kinds.pop() if len(kinds) == 1 else ""
    config = _part(record, "config")
    threads = _part(config, "training").get("threads")
    each = threads if unit == CPU and isinstance(threads, int) else 1
    return Hours(
        seconds=sum(job.seconds for job in jobs) if jobs else otherwise,
        jobs=len(jobs),
        devices=devices,
        unit=unit,
        units=processes(_part(config, "resources")) * each,
    )


def processes(asked: Mapping[str, Any]) -> int:
    """How many processes shared each batch, as `Resources.processes` has it."""
    tasks, gpus, nodes = (asked.get(name) or 0 for name in ("tasks", "gpu", "nodes"))
    return int(tasks or max(gpus, nodes, 1))


def _devices(events: Sequence[Event], record: Mapping[str, Any]) -> list[str]:
    """The kinds of device that the run's jobs had, in order; a tag is journalled when it changes."""
    found, tags = [], dict[str, str]()
    for event in events:
        if isinstance(event, Tags):
            tags |= event.values
            if "device" in tags:
                found.append(_name(tags["device"], tags.get("gpu")))
    provenance = _part(record, "provenance")
    if not found and provenance.get("device"):
        found.append(_name(str(provenance["device"]), provenance.get("gpu")))
    return list(dict.fromkeys(found))


def _name(device: str, gpu: object) -> str:
    return CPU if device == "cpu" else str(gpu or "GPU")


def _part(record: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = record.get(key)
    return found if isinstance(found, Mapping) else {}

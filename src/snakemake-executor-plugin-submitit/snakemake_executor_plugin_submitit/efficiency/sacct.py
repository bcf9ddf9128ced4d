"""What sacct writes of jobs and their steps, read into numbers."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from snakemake_executor_plugin_submitit.slurm.queries import expand

FIELDS = (
    "JobID", "State", "Start", "End", "ElapsedRaw", "TotalCPU", "AllocCPUS", "NNodes", "NTasks",
    "MaxRSS", "AllocTRES", "TRESUsageInMax", "TRESUsageInTot",
)  # fmt: skip
POWERS = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4, "P": 5}
UNFINISHED = ("PENDING", "RUNNING", "COMPLETING", "REQUEUED", "SUSPENDED", "RESIZING")


@dataclass
class Step:
    """A step of an attempt; memory in bytes on one node, that of all its tasks."""

    start: datetime | None
    end: datetime | None
    cpu_seconds: float
    memory: float
    gpu_busy: float | None  # percent, the highest that was seen
    gpu_memory: float | None  # bytes, those of one task

    def overlaps(self, other: "Step") -> bool:
        """Whether the other one ran when this one began."""
        if self is other or self.start is None or other.start is None:
            return True
        return other.start <= self.start and (other.end is None or other.end > self.start)


@dataclass
class Attempt:
    """One start of a job; a job that was requeued has several."""

    state: str
    elapsed: float  # seconds
    cpu_seconds: float
    cpus: int
    memory: float  # bytes that it was given on each node
    gpus: int
    settled: bool  # it has ended, and the accounting knows
    steps: list[Step] = field(default_factory=list)

    @property
    def used_cpu_seconds(self) -> float:
        """Of the job, or of its steps: processes that SLURM killed are counted in the latter alone."""
        return max(self.cpu_seconds, sum(step.cpu_seconds for step in self.steps))

    @property
    def used_memory(self) -> float:
        """Bytes on one node at most, of the steps that ran at the same time."""
        together = (
            sum(other.memory for other in self.steps if step.overlaps(other)) for step in self.steps
        )
        return max(together, default=0.0)


def read(text: str) -> dict[str, list[Attempt]]:
    """The attempts of every job by its id, from lines of `FIELDS` with `|` between them.

    The lines of its steps follow that of an attempt; lines that are about no job are left out.
    """
    found: dict[str, list[Attempt]] = {}
    for line in text.splitlines():
        values = dict(zip(FIELDS, line.split("|"), strict=False))
        name, _, step = values["JobID"].partition(".")
        if len(values) != len(FIELDS) or not re.fullmatch(r"\d+(_\d+|_\[.*\])?", name):
            continue
        for job_id in expand(name):
            if not step:
                found.setdefault(job_id, []).append(_attempt(values))
            elif found.get(job_id):
                found[job_id][-1].steps.append(_step(values))
    return found


def _attempt(values: Mapping[str, str]) -> Attempt:
    given = _tres(values["AllocTRES"])
    ended = _moment(values["End"]) is not None
    return Attempt(
        state=values["State"],
        elapsed=number(values["ElapsedRaw"]),
        cpu_seconds=seconds(values["TotalCPU"]),
        cpus=int(number(values["AllocCPUS"])),
        memory=size(given.get("mem", "")) / max(1, number(values["NNodes"])),
        gpus=int(number(given.get("gres/gpu", ""))),
        settled=ended and not values["State"].startswith(UNFINISHED),
    )


def _step(values: Mapping[str, str]) -> Step:
    most, total = _tres(values["TRESUsageInMax"]), _tres(values["TRESUsageInTot"])
    # MaxRSS is that of the largest task, and the job has to fit all of them.
    memory = size(total.get("mem", "")) or size(values["MaxRSS"]) * number(values["NTasks"])
    busy, held = most.get("gres/gpuutil"), most.get("gres/gpumem")
    return Step(
        start=_moment(values["Start"]),
        end=_moment(values["End"]),
        cpu_seconds=max(seconds(values["TotalCPU"]), seconds(total.get("cpu", ""))),
        memory=memory / max(1, number(values["NNodes"])),
        gpu_busy=None if busy is None else number(busy),
        gpu_memory=None if held is None else size(held),
    )


def seconds(text: str) -> float:
    """A duration as sacct writes it.

    >>> seconds("1-02:03:04"), seconds("02:03.250"), seconds("00:00:05"), seconds("")
    (93784.0, 123.25, 5.0, 0.0)
    """
    days, dash, clock = text.rpartition("-")
    try:
        total = 0.0
        for part in clock.split(":"):
            total = 60 * total + float(part)
        return total + 86400 * int(days) if dash else total
    except ValueError:
        return 0.0


def size(text: str) -> float:
    """Memory in bytes: SLURM's units are powers of 1024, and a bare number is one of bytes.

    >>> size("300700K"), size("1.50T") == 1.5 * 1024**4, size("2048"), size("")
    (307916800.0, True, 2048.0, 0.0)
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([KMGTP]?)", text)
    return float(match[1]) * 1024.0 ** POWERS[match[2]] if match else 0.0


def number(text: str) -> float:
    """A number, 0 where it is none."""
    try:
        return float(text)
    except ValueError:
        return 0.0


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:  # Unknown, None
        return None


def _tres(text: str) -> dict[str, str]:
    return dict(entry.partition("=")[::2] for entry in text.split(",") if entry)

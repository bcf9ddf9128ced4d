"""What training jobs asked of the cluster and what they used of it, by variant, from the runs' own journals.

Their system metrics are sampled while they train, with or without SLURM, and are complete before the report
is written; what the accounting says comes later, after Snakemake's last job.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from bakeoff.errors import TrackingError
from bakeoff.report.evidence import Evidence, RunEvidence
from bakeoff.report.numbers import NOTHING, duration, known, listing, megabytes
from bakeoff.report.reading import Unread, part
from bakeoff.tracking.journal.attempts import attempts
from bakeoff.tracking.journal.events import Event, Metrics
from bakeoff.tracking.journal.hours import processes
from bakeoff.tracking.journal.journal import NAME, read

# Less than half is waste, more than nine tenths is near the limit; as `--submitit-efficiency` has it.
WASTE, NEAR = 0.5, 0.9
MEMORY, TIME = 1.2, 1.5  # headroom above the most that was used
# Less would help nobody: MB, minutes.
LEAST_MEMORY, LEAST_TIME = 1000, 60
MEGABYTE = 1024**2  # SLURM's, and so that of `mem_mb`


@dataclass(frozen=True)
class Used:
    """What a run used: MB at most, CPUs and percent of its GPUs on average, seconds of its longest job."""

    memory: float
    cpus: float
    gpu_memory: float | None  # MB of all its GPUs, at most
    gpu_busy: float | None
    longest: float
    jobs: int


@dataclass(frozen=True)
class Row:
    """A variant, ready to print; `advice` are keys of its `resources` with better values."""

    variant: str
    runs: int
    memory: str
    cpus: str
    gpu: str
    time: str
    remarks: list[str]
    advice: str


@dataclass(frozen=True)
class EfficiencyTable:
    """The variants of which something is known, and how many runs have measured nothing."""

    rows: list[Row]
    silent: int


def efficiency_table(evidence: Evidence) -> EfficiencyTable:
    """The usage of each variant's runs; a journal that cannot be read is listed in `evidence.unread`."""
    rows, silent = [], 0
    for variant, runs in evidence.variants.items():
        measured = [(run, found) for run in runs if (found := used(run, evidence.unread))]
        silent += sum(not run.state for run in runs) - sum(not run.state for run, _ in measured)
        if measured:
            rows.append(_row(variant, measured[0][0].config, [found for _, found in measured]))
    return EfficiencyTable(rows, silent)


def events_of(run: RunEvidence, unread: Unread) -> list[Event]:
    """The journal of a run; empty where there is none or it cannot be read, which `unread` then says once."""
    path = run.folder / NAME
    try:
        return read(path) if path.exists() else []
    except (TrackingError, OSError) as error:
        if str(error) not in unread:
            unread.append(str(error))
        return []


def used(run: RunEvidence, unread: Unread) -> Used | None:
    """The usage of a run's jobs by its journal; None where it ended before the first sample."""
    return usage(events_of(run, unread))


def usage(events: Sequence[Event]) -> Used | None:
    """The usage by the events of a journal; None where they have no sample."""
    samples = [
        {name.removeprefix("system/"): value for name, value in event.values.items()}
        for event in events
        if isinstance(event, Metrics) and event.is_sample
    ]
    if not samples:
        return None
    jobs = [attempt.seconds for attempt in attempts(events)]
    held = [sum(_of(sample, "memory_usage_megabytes")) for sample in samples]
    busy = [value for sample in samples for value in _of(sample, "utilization_percentage")]
    return Used(
        memory=max(s.get("process_memory_megabytes", 0.0) for s in samples) * 1e6 / MEGABYTE,
        cpus=fmean(s.get("process_cpu_percentage", 0.0) for s in samples) / 100,
        gpu_memory=max(held) if busy else None,
        gpu_busy=fmean(busy) if busy else None,
        longest=max(jobs, default=0.0),
        jobs=len(jobs),
    )


def _of(sample: dict[str, float], what: str) -> list[float]:
    """A figure of each GPU of the run."""
    return [v for name, v in sample.items() if name.startswith("gpu_") and name.endswith(what)]


def _row(variant: str, config: dict[str, Any], found: Sequence[Used]) -> Row:
    asked = part(config, "resources")
    memory, longest = max(one.memory for one in found), max(one.longest for one in found)
    threads = part(config, "training").get("threads")
    limit = 60 * asked["runtime"] if known(asked.get("runtime")) else None
    # Each process of a run that has several watches itself alone.
    several = processes(asked)
    remarks, advice = [], []
    for judged in (
        _of_memory(memory, asked.get("mem_mb")) if several == 1 else None,
        # A run that saves at its limit and goes on uses all of it, on purpose.
        _of_time(longest, limit) if all(one.jobs == 1 for one in found) else None,
    ):
        if judged is not None:
            remarks.append(judged[0])
            advice.append(judged[1])
    busy = [one.gpu_busy for one in found if one.gpu_busy is not None]
    held = [one.gpu_memory for one in found if one.gpu_memory is not None]
    if busy and fmean(busy) < 100 * WASTE:
        remarks.append(f"the GPU waits {100 - fmean(busy):.0f} % of the time")
    return Row(
        variant=variant,
        runs=len(found),
        memory=f"{megabytes(memory)} of {megabytes(asked.get('mem_mb'))}"
        + (f", one of {several} processes" if several > 1 else ""),
        cpus=f"{fmean(one.cpus for one in found):.1f} of {threads or NOTHING}",
        gpu=f"{fmean(busy):.0f} %, {megabytes(max(held))}" if busy else NOTHING,
        time=f"{duration(longest)} of {duration(limit)}",
        remarks=remarks,
        advice=f"resources: {{{listing(advice).replace(' and ', ', ')}}}" if advice else "",
    )


def _of_memory(most: float, asked: Any) -> tuple[str, str] | None:
    """What to say of memory in MB, and the key to write; None where nothing has to be said."""
    if not known(asked):
        return None
    wanted = 100 * math.ceil(MEMORY * most / 100)
    if most > NEAR * asked:
        return f"memory was near its limit of {megabytes(asked)}", f"mem_mb: {wanted}"
    if most < WASTE * asked and asked - most >= LEAST_MEMORY:
        return f"{megabytes(asked - most)} of memory lay idle", f"mem_mb: {wanted}"
    return None


def _of_time(longest: float, limit: float | None) -> tuple[str, str] | None:
    if limit is None:
        return None
    wanted = max(10, 5 * math.ceil(TIME * longest / 300))
    if longest > NEAR * limit:
        return f"a job took {duration(longest)} of {duration(limit)}", f"runtime: {wanted}"
    if longest < WASTE * limit and limit - longest >= 60 * LEAST_TIME:
        return f"{duration(limit - longest)} were asked for in vain", f"runtime: {wanted}"
    return None

"""The CPU cores that this process may use, and who says so: more threads slow each other down."""

import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import psutil

MACHINE = "this machine has"

_CGROUPS = Path("/sys/fs/cgroup")
_QUOTAS = ("cpu.max", "cpu/cpu.cfs_quota_us", "cpu,cpuacct/cpu.cfs_quota_us")


SLOWER = "threads that wait for each other make an epoch take longer than fewer of them would"


class Cores(NamedTuple):
    """A number of cores, and who says so, as the subject of a sentence."""

    number: int
    whose: str

    def too_few(self, threads: int) -> str:
        """A sentence for threads that are more than the cores; empty for those that are not."""
        if threads <= self.number:
            return ""
        return f"training.threads is {threads}, and {self.whose} {self.number}: {SLOWER}"


def cores(environment: Mapping[str, str] = os.environ, cgroups: Path = _CGROUPS) -> Cores:
    """The least of what the machine, SLURM and a container give to this process."""
    return min(_given(environment, cgroups), key=lambda given: given.number)


def bound_to() -> int:
    """The cores that the kernel lets this process run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def busy(threads: int, given: Cores, seconds: float = 0.1) -> str:
    """A sentence for several threads beside processes that leave them too few cores; looks so long."""
    if threads == 1 or given.whose != MACHINE:  # within a job's own cores, others are not seen
        return ""
    taken = psutil.cpu_percent(seconds) / 100 * given.number
    if threads + round(taken) <= given.number:
        return ""
    return (
        f"training.threads is {threads}, and other processes keep {taken:.1f} of this machine's "
        f"{given.number} cores busy: {SLOWER}"
    )


def _given(environment: Mapping[str, str], cgroups: Path) -> Iterator[Cores]:
    bound = bound_to()
    yield Cores(bound, MACHINE if bound == (os.cpu_count() or 1) else "this process may use")
    # Not every cluster also binds a job to what it has.
    slurm = environment.get("SLURM_CPUS_PER_TASK") or environment.get("SLURM_CPUS_ON_NODE", "")
    if slurm.isdigit():
        yield Cores(int(slurm), "SLURM gave this job (resources.cpus_per_task)")
    if (quota := _quota(cgroups)) is not None:
        yield Cores(max(1, math.ceil(quota)), "this container may use")
    if (beside := environment.get("LOCAL_WORLD_SIZE", "")).isdigit() and int(beside) > 1:
        each = max(1, (os.cpu_count() or 1) // int(beside))
        yield Cores(each, f"each of the {beside} processes on this machine has")


def _quota(cgroups: Path) -> float | None:
    """The cores' worth of time that a container's own control group gives; None without a limit."""
    for name in _QUOTAS:
        file = cgroups / name
        try:
            words = file.read_text(encoding="ascii").split()
            if name != "cpu.max":
                period = file.with_name("cpu.cfs_period_us").read_text(encoding="ascii")
                words.append(period.strip())
        except OSError:
            continue
        if len(words) == 2 and words[0].isdigit():
            return int(words[0]) / int(words[1])
    return None

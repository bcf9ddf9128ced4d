"""Measuring a job from inside: its CPU time, and the most memory that all its processes had at once.

SLURM looks at a job's memory every 30 seconds by default, so what it says of shorter jobs is little or
nothing; and where it keeps no accounts it says nothing at all. Where SLURM has put the job into a cgroup
that one tells both: anonymous and shared memory, which alone count against the limit for long. Its
peak would not do, as the files that a job has read count in it until somebody else needs the memory.
"""

import re
import resource
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import psutil

from snakemake_executor_plugin_submitit.job.usage import Usage

# Seconds between two looks: the first come soon, as many jobs are short.
FIRST, LAST = 0.1, 5.0
# A job's own cgroup, with those of its steps below it.
JOB_CGROUP = re.compile(r"(?P<job>/\S*slurm\S*/job_\d+)(/|$)")
ROOT = Path("/sys/fs/cgroup")
# What cannot be taken away from a job: in cgroup v2 and in v1, which also counts what is below it.
HELD = (("anon", "shmem"), ("total_rss", "total_shmem"))


class Meter:
    """Looks at this process and all that it starts, until `end`."""

    def __init__(
        self, earlier: Usage, whole: bool = True, cgroups: str | None = None, root: Path = ROOT
    ) -> None:
        """`earlier` attempts are added; not `whole`: what runs in other steps is not seen from here.

        `cgroups` is the text of /proc/self/cgroup, read where it is not given.
        """
        self.earlier = earlier
        self.folders = _folders(_own_cgroups() if cgroups is None else cgroups, root)
        self.measures = whole or bool(self.folders)
        self.memory = self.cpu_seconds = 0.0
        self._started = time.monotonic()
        self._children = resource.getrusage(resource.RUSAGE_CHILDREN)
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._go_on, daemon=True)

    def begin(self) -> None:
        """Look now and then from now on."""
        self._thread.start()

    def end(self) -> Usage:
        """Look for the last time."""
        self._done.set()
        return self.used()

    def used(self) -> Usage:
        """What has been used until now."""
        elapsed = time.monotonic() - self._started
        # Processes that were killed with their parents are counted while they live.
        cpu = self.cpu_seconds = max(self.cpu_seconds, self._cpu_seconds())
        memory = self._most_memory()
        if not self.measures:
            cpu = memory = 0.0
        return self.earlier.then(Usage(1, elapsed, elapsed, cpu, memory))

    def look(self) -> None:
        """Notice how much memory there is in use, where it may be more than ever before."""
        with suppress(OSError, ValueError, psutil.Error):
            self.memory = max(self.memory, self._now())

    def _go_on(self) -> None:
        pause = FIRST
        while not self._done.wait(pause):
            self.look()
            pause = min(LAST, 1.5 * pause)

    def _now(self) -> float:
        if memory := self.folders.get("memory"):
            numbers = _numbers(memory / "memory.stat")
            return max(sum(numbers.get(name, 0.0) for name in names) for names in HELD)
        family = _family()
        resident = sum(map(_resident, family))
        # What processes share is counted once only by `pss`, which is costly: asked for a new peak alone.
        return sum(map(_share, family)) if resident > self.memory else resident

    def _most_memory(self) -> float:
        # The largest process that has ended, whenever it was at its largest. A process that is started
        # in Snakemake's own, as for a debugger, has earlier jobs' processes in it: only a new peak counts.
        largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        grown = largest > self._children.ru_maxrss
        return max(self.memory, 1024.0 * largest if grown else 0.0)

    def _cpu_seconds(self) -> float:
        with suppress(OSError, ValueError):
            if cpu := self.folders.get("cpu"):
                return _numbers(cpu / "cpu.stat")["usage_usec"] / 1e6
            if cpu := self.folders.get("cpuacct"):
                return float((cpu / "cpuacct.usage").read_text()) / 1e9
        now, before = resource.getrusage(resource.RUSAGE_CHILDREN), self._children
        ended = now.ru_utime + now.ru_stime - before.ru_utime - before.ru_stime
        return ended + _running_cpu_seconds()


def _family() -> list[psutil.Process]:
    """Our own process, and all below it."""
    with suppress(psutil.Error, OSError):
        return [psutil.Process(), *psutil.Process().children(recursive=True)]
    return [psutil.Process()]


def _running_cpu_seconds() -> float:
    """Of the processes that still run, with those of theirs that have ended."""
    total = 0.0
    for process in _family()[1:]:
        with suppress(psutil.Error):
            times = process.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total


def _resident(process: psutil.Process) -> float:
    with suppress(psutil.Error):
        return float(process.memory_info().rss)
    return 0.0


def _share(process: psutil.Process) -> float:
    """Its own memory and its share of what it has in common with others, where the system tells."""
    with suppress(psutil.Error, AttributeError):
        return float(process.memory_full_info().pss)
    return _resident(process)


def _own_cgroups() -> str:
    try:
        return Path("/proc/self/cgroup").read_text(encoding="utf-8")
    except OSError:
        return ""


def _folders(cgroups: str, root: Path) -> Mapping[str, Path]:
    """The job's folder by what it counts: memory, cpu (v2) or cpuacct (v1); none outside a job's."""
    found: dict[str, Path] = {}
    for line in cgroups.splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        match = JOB_CGROUP.match(path)
        if match is None:
            continue
        below = match["job"].lstrip("/")
        if not controllers:
            names = {"memory": root / below, "cpu": root / below}
        else:
            names = {
                name: root / name / below
                for name in controllers.split(",")
                if name in ("memory", "cpuacct")
            }
        found |= {name: folder for name, folder in names.items() if folder.is_dir()}
    return found


def _numbers(path: Path) -> dict[str, float]:
    lines = (line.split() for line in path.read_text(encoding="utf-8").splitlines())
    return {words[0]: float(words[1]) for words in lines if len(words) == 2}

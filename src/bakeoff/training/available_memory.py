"""The memory that this process may still take: of the device, and of the job rather than of its node.

A job's limit is its control group's, in either version of Linux's, else what SLURM says that it was given:
where SLURM has no control groups, it ends the job once its processes have more than that.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil
import torch

MEGABYTE = 2**20  # as SLURM counts

# The files of a control group with its limit and its use, and what of that are files that were read.
_FIRST = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
_SECOND = ("memory.max", "memory.current", "inactive_file")


def free_bytes(device: torch.device) -> int:
    """Bytes that may still be taken on `device`; of a GPU also those that torch holds and does not use."""
    if device.type == "cuda":
        unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return torch.cuda.mem_get_info(device)[0] + unused
    return min(psutil.virtual_memory().available, *_left_of_job())


def total_bytes(device: torch.device) -> int:
    """Bytes that `device` has, or the job of its node's."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[1]
    return min([psutil.virtual_memory().total, *(limit for limit, _ in _limits())])


def group_limits(groups: str, mounted: Path = Path("/sys/fs/cgroup")) -> Iterator[tuple[int, int]]:
    """Limit and use, in bytes, of the control groups of a process and of those around them.

    `groups` is the content of /proc/<pid>/cgroup. Files that were read count as free: the kernel drops
    them. A container may not see the groups around its own; those that it sees are enough.
    """
    for line in groups.splitlines():
        _, controllers, name = line.split(":", 2)
        if controllers not in ("", "memory"):
            continue
        top = mounted / controllers
        at = top / name.strip("/")
        for group in (at, *at.parents):
            yield from _read(group, *(_FIRST if controllers else _SECOND))
            if group == top:
                break


def slurm_limit(environment: Mapping[str, str]) -> int | None:
    """Bytes that SLURM gave this job on its node; None outside of one, and where it gave all (0)."""
    if total := _number(environment.get("SLURM_MEM_PER_NODE")):
        return total * MEGABYTE
    each, cpus = (
        _number(environment.get(f"SLURM_{key}")) for key in ("MEM_PER_CPU", "CPUS_ON_NODE")
    )
    return each * cpus * MEGABYTE if each and cpus else None


def _left_of_job() -> list[int]:
    return [max(0, limit - used) for limit, used in _limits()]


def _limits() -> Iterator[tuple[int, int]]:
    """Every limit on this process with what is used of it, in bytes."""
    try:
        groups = Path("/proc/self/cgroup").read_text(encoding="ascii")
    except OSError:
        groups = ""  # not Linux
    yield from group_limits(groups)
    if given := slurm_limit(os.environ):
        yield given, psutil.Process().memory_info().rss


def _read(group: Path, limit: str, use: str, files: str) -> Iterator[tuple[int, int]]:
    try:
        most, used = ((group / name).read_text(encoding="ascii") for name in (limit, use))
        stat = dict(
            line.split() for line in (group / "memory.stat").read_text("ascii").splitlines()
        )
    except OSError:
        return  # the root has no limit, and a container may hide the rest
    if (bound := _number(most)) is not None:
        yield bound, int(used) - int(stat.get(files, 0))


def _number(text: str | None) -> int | None:
    """The number in `text`; None where there is none ("max", "all")."""
    text = (text or "").strip()
    return int(text) if text.isdigit() else None

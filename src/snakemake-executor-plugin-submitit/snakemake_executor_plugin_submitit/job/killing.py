"""Ending a command with all that it started, at once: it must not write any more."""

import os
import signal
from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")


def kill_tree(pid: int, own_session: bool) -> None:
    """Kill a process and its descendants; with `own_session` also those that left the tree.

    Everything is stopped before anything is killed, so that nothing starts a process meanwhile.
    """
    stopped: set[int] = set()
    while new := ({pid} | _descendants(pid)) - stopped:
        for process in new:
            _send(process, signal.SIGSTOP)
        stopped |= new
    for process in stopped:
        _send(process, signal.SIGKILL)
    if own_session:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)


def signal_tree(pid: int, number: signal.Signals) -> None:
    """Send a signal to a process and then to all of its descendants, as SLURM does when it cancels a job.

    A shell hears of it before what it waits for ends.
    """
    for process in (pid, *_descendants(pid)):
        _send(process, number)


def _send(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def _descendants(pid: int) -> set[int]:
    """By Linux's own table; elsewhere none, where jobs have sessions of their own."""
    children: dict[int, list[int]] = {}
    for path in PROC.glob("[0-9]*/stat"):
        with suppress(OSError, ValueError):
            # The name in parentheses may hold anything.
            parent = int(path.read_text(errors="replace").rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(path.parent.name))
    found: set[int] = set()
    queue = [pid]
    while queue:
        for child in children.get(queue.pop(), []):
            if child not in found:
                found.add(child)
                queue.append(child)
    return found

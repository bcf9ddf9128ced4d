"""A parallel map: one function over many items, in spawned processes if that is faster; results in order."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from time import monotonic
from typing import TypeVar

from bakeoff.errors import DataError

T = TypeVar("T")
R = TypeVar("R")

Progress = Callable[[int, int], None]
"""Called with (done, total) after each item, in the calling process."""

TRIAL = 0.5
"""Seconds that the caller's own process works before it estimates the rest."""

WORTH = 2.0
"""Seconds of remaining work from which spawned processes, which take half a second to start, pay off."""


def cores() -> int:
    """The CPU cores that this process may use, which on a cluster are fewer than the machine's."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def parallel_map(
    function: Callable[[T], R],
    items: Sequence[T],
    workers: int | None = None,
    progress: Progress | None = None,
) -> Iterator[R]:
    """`function` of each item, in order; `workers` processes, by default one per core.

    `function` must be importable (or a partial of such). Raises DataError if a process is killed.
    """
    total = len(items)
    workers = min(workers or cores(), max(1, total))
    for done, result in enumerate(_results(function, items, workers), start=1):
        yield result
        if progress is not None:
            progress(done, total)


def _results(function: Callable[[T], R], items: Sequence[T], workers: int) -> Iterator[R]:
    started, done = monotonic(), 0
    for item in items:
        yield function(item)
        done += 1
        spent = monotonic() - started
        left = (len(items) - done) * spent / done
        if workers > 1 and spent > TRIAL and left > WORTH:
            break
    rest = items[done:]
    if rest:
        yield from _spawned(function, rest, workers)


def _spawned(function: Callable[[T], R], items: Sequence[T], workers: int) -> Iterator[R]:
    # Spawned, not forked: a fork copies the locks of the caller's threads in any state.
    executor = ProcessPoolExecutor(workers, mp_context=get_context("spawn"))
    try:
        yield from executor.map(function, items, chunksize=max(1, min(16, len(items) // workers)))
    except BrokenProcessPool as error:
        raise DataError(
            f"one of {workers} processes that work on images was killed, most likely for lack of memory; "
            "ask for more memory, or for fewer workers"
        ) from error
    finally:
        executor.shutdown(cancel_futures=True)

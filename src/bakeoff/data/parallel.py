"""A parallel map: one function over many items, in threads or spawned processes; results in order.

Few items are worked on or wait at a time, however many there are and however slow the caller is.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing import get_context
from time import monotonic
from typing import TypeVar

from bakeoff.cores import bound_to, cores
from bakeoff.errors import DataError

T = TypeVar("T")
R = TypeVar("R")

Progress = Callable[[int, int], None]
"""Called with (done, total) after each item, in the calling process."""

TRIAL = 0.5
"""Seconds that the caller's own process works before it estimates the rest."""

WORTH = 2.0
"""Seconds of remaining work from which spawned processes, which take a second to start, pay off."""

AHEAD = 3
"""Parts of the work for each thread or process: under way, or done and waiting for the caller."""


def parallel_map(
    function: Callable[[T], R],
    items: Sequence[T],
    workers: int | None = None,
    progress: Progress | None = None,
    *,
    threads: bool = False,
) -> Iterator[R]:
    """`function` of each item, in order; `workers` threads or processes, by default one per core.

    `threads` is for functions that spend their time outside Python, where its lock is not held, as decoders
    do: they need no start and little memory. Without, the function must be importable (or a partial of
    such), and DataError is raised if a process is killed.
    """
    total = len(items)
    workers = min(workers or cores().number, max(1, total))
    results = _threaded if threads and workers > 1 else _in_processes
    for done, result in enumerate(results(function, items, workers), start=1):
        yield result
        if progress is not None:
            progress(done, total)


def _threaded(function: Callable[[T], R], items: Sequence[T], workers: int) -> Iterator[R]:
    yield function(items[0])  # libraries finish their own imports in one thread
    # While one waits for Python's lock or the disk, another has its core; more cores they cannot take.
    count = 2 * workers if workers >= bound_to() else workers
    with ThreadPoolExecutor(count, thread_name_prefix="parallel_map") as pool:
        yield from _in_order(pool, function, items[1:], count)


def _in_processes(function: Callable[[T], R], items: Sequence[T], workers: int) -> Iterator[R]:
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
    size = max(1, min(16, len(items) // (2 * workers)))  # a part's items travel together
    parts = [items[at : at + size] for at in range(0, len(items), size)]
    # Spawned, not forked: a fork copies the locks of the caller's threads in any state.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        try:
            for results in _in_order(pool, partial(_each, function), parts, workers):
                yield from results
        except BrokenProcessPool as error:
            raise DataError(
                f"one of {workers} processes that work on images was killed, most likely for lack of "
                "memory; ask for more memory, or for fewer workers"
            ) from error


def _each(function: Callable[[T], R], items: Sequence[T]) -> list[R]:
    return [function(item) for item in items]


def _in_order(
    pool: Executor, function: Callable[[T], R], items: Sequence[T], workers: int
) -> Iterator[R]:
    """Results in order, of few items at a time; what is not begun when the caller leaves is dropped."""
    waiting: deque[Future[R]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) >= AHEAD * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()

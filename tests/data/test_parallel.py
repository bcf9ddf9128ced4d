import os
import threading
import time
from collections.abc import Iterator

import pytest

from bakeoff.data.parallel import AHEAD, parallel_map
from bakeoff.errors import DataError


def slow_square(number: int) -> tuple[int, int]:
    time.sleep(0.05)
    return number**2, os.getpid()


def die_in_a_spawned_process(number: int) -> int:
    time.sleep(0.05)
    if number == 20:
        os._exit(1)  # as the kernel ends a process that takes too much memory
    return number


@pytest.mark.slow(seconds=2)
def test_long_work_goes_to_other_processes_and_keeps_its_order() -> None:
    seen: list[tuple[int, int]] = []
    results = list(parallel_map(slow_square, range(60), 4, lambda *at: seen.append(at)))
    assert [square for square, _ in results] == [number**2 for number in range(60)]
    assert seen == [(done, 60) for done in range(1, 61)]
    assert len({process for _, process in results}) > 2
    assert results[0][1] == os.getpid()


def test_short_work_stays_in_this_process() -> None:
    assert {process for _, process in parallel_map(slow_square, range(8), 4)} == {os.getpid()}
    assert list(parallel_map(slow_square, [])) == []


@pytest.mark.slow(seconds=2)
def test_one_worker_is_this_process() -> None:
    results = list(parallel_map(slow_square, range(50), 1))
    assert {process for _, process in results} == {os.getpid()}


def test_a_killed_process_is_an_error_that_says_why_it_may_be() -> None:
    with pytest.raises(DataError, match="was killed, most likely for lack of memory") as caught:
        list(parallel_map(die_in_a_spawned_process, range(60), 2))
    assert "decode" not in str(caught.value)  # the work may be any function


def thread_of(number: int) -> tuple[int, str]:
    time.sleep(0.01 * (number % 3))
    return number, threading.current_thread().name


def test_threads_keep_the_order_and_share_the_process() -> None:
    seen: list[tuple[int, int]] = []
    results = list(parallel_map(thread_of, range(40), 3, lambda *at: seen.append(at), threads=True))
    assert [number for number, _ in results] == list(range(40))
    assert seen == [(done, 40) for done in range(1, 41)]
    assert results[0][1] == threading.current_thread().name
    assert len({name for _, name in results[1:]}) >= 3
    assert list(parallel_map(thread_of, [], 3, threads=True)) == []
    alone = parallel_map(thread_of, range(4), 1, threads=True)
    assert {name for _, name in alone} == {threading.current_thread().name}


def test_threads_wait_for_a_slow_caller_and_end_when_it_leaves() -> None:
    begun: list[int] = []

    def note(number: int) -> int:
        begun.append(number)
        return number

    results: Iterator[int] = parallel_map(note, range(500), 2, threads=True)
    for _ in range(10):
        next(results)
    time.sleep(0.05)
    assert len(begun) <= 10 + 4 * AHEAD
    results.close()  # type: ignore[attr-defined]
    assert len(begun) <= 10 + 4 * AHEAD
    assert not [one for one in threading.enumerate() if one.name.startswith("parallel_map")]


def test_threads_take_no_more_cores_than_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    for bound, most in ((2, 4), (8, 2)):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _, bound=bound: set(range(bound)))
        results = list(parallel_map(thread_of, range(40), 2, threads=True))
        assert len({name for _, name in results[1:]}) == most


def test_an_error_in_a_thread_is_the_callers() -> None:
    def fail(number: int) -> int:
        if number == 7:
            raise DataError("7.png: bad")
        return number

    with pytest.raises(DataError, match=r"7\.png: bad"):
        list(parallel_map(fail, range(20), 2, threads=True))

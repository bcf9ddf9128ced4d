import os
import time

import pytest

from bakeoff.data.parallel import cores, parallel_map
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


def test_cores_are_those_this_process_may_use() -> None:
    assert 1 <= cores() <= (os.cpu_count() or 1)

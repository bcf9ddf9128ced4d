"""A run that a process trains is distinguished from an abandoned one."""

import os
import time
from pathlib import Path

import pytest

from bakeoff import locking
from bakeoff.locking import STALE_SECONDS, is_stale, last_heartbeat
from bakeoff.training.run_lock import exclusive
from bakeoff.training.stop import StopNotice


def age(*files: Path) -> None:
    for file in files:
        os.utime(file, (1e9, 1e9))


def test_a_lock_that_is_held_renews_its_time_until_it_is_released(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locking, "HEARTBEAT_SECONDS", 0.02)
    lock = tmp_path / "lock"
    with exclusive(tmp_path, StopNotice()):
        for _ in range(2):
            age(lock)
            deadline = time.monotonic() + 20
            while last_heartbeat(lock) < 1.1e9 and time.monotonic() < deadline:
                time.sleep(0.01)
            assert time.time() - last_heartbeat(lock) < STALE_SECONDS
    age(lock)
    time.sleep(0.2)
    assert last_heartbeat(lock) == 1e9


def test_a_run_is_stale_when_nothing_was_written_and_nobody_holds_its_lock(
    tmp_path: Path,
) -> None:
    lock, journal = tmp_path / "lock", tmp_path / "journal.jsonl"
    journal.touch()
    assert not is_stale(lock, journal)
    age(journal)
    assert is_stale(lock, journal)  # it never came to its lock
    with exclusive(tmp_path, StopNotice()):
        assert not is_stale(lock, journal)
        age(lock)  # a heart that stands still, but the process is there
        assert not is_stale(lock, journal)
    assert is_stale(lock, journal)
    lock.touch()  # a heartbeat from a machine whose locks are not seen here
    assert not is_stale(lock, journal)

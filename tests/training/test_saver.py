"""Saving beside the training: one moment at a time, no error lost, no thread left behind."""

import threading

import pytest

from bakeoff.errors import CheckpointError, TrackingError
from bakeoff.training.saver import Saver
from tests.waiting import eventually


class Disk:
    """What a saver writes on: slow until `go`, and broken on demand."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.written: list[str] = []
        self.error: Exception | None = None

    def write(self, moment: str) -> None:
        assert self.go.wait(10)
        if self.error is not None:
            raise self.error
        self.written.append(moment)


@pytest.fixture
def disk() -> Disk:
    return Disk()


def test_the_training_goes_on_while_a_moment_is_written(disk: Disk) -> None:
    saver = Saver(disk.write, every=60)
    saver.save("first")  # returns, although the disk has not begun
    assert disk.written == []
    disk.go.set()
    saver.wait()
    assert disk.written == ["first"]


def test_a_save_is_due_every_so_often_and_never_while_one_is_written(disk: Disk) -> None:
    now = 0.0
    saver = Saver(disk.write, every=60, clock=lambda: now)
    now = 59.0
    assert not saver.due()
    now = 60.0
    assert saver.due()
    saver.save("first")
    now = 500.0
    assert not saver.due(), "the first is still being written"
    disk.go.set()
    eventually(saver.due, 10)
    assert not Saver(disk.write, every=0, clock=lambda: now).due()


def test_moments_are_written_one_after_the_other(disk: Disk) -> None:
    saver = Saver(disk.write, every=60)
    saver.save("first")
    threading.Timer(0.05, disk.go.set).start()
    saver.save("second")
    saver.wait()
    assert disk.written == ["first", "second"]


@pytest.mark.parametrize("asked", ["due", "save", "wait", "leave"])
def test_an_error_of_the_thread_is_raised_where_the_training_next_asks(
    disk: Disk, asked: str
) -> None:
    disk.error = OSError(28, "No space left on device")
    disk.go.set()
    now = 0.0
    saver = Saver(disk.write, every=60, clock=lambda: now)
    saver.save("first")
    eventually(lambda: all(thread.name != "saver" for thread in threading.enumerate()), 10)
    now = 100.0
    ways = {
        "due": saver.due,
        "save": lambda: saver.save("second"),
        "wait": saver.wait,
        "leave": lambda: saver.__exit__(None, None, None),
    }
    with pytest.raises(CheckpointError, match=r"could not be saved: OSError: .*No space left"):
        ways[asked]()
    assert disk.written == []


def test_an_error_of_ours_stays_what_it_is(disk: Disk) -> None:
    disk.error, _ = TrackingError("the journal cannot be written"), disk.go.set()
    saver = Saver(disk.write, every=60)
    saver.save("first")
    with pytest.raises(TrackingError, match="the journal cannot"):
        saver.wait()
    saver.wait()  # told once


def test_what_ends_the_training_is_told_before_what_could_not_be_saved(
    disk: Disk, caplog: pytest.LogCaptureFixture
) -> None:
    disk.error = OSError("no space")
    threading.Timer(0.05, disk.go.set).start()
    with pytest.raises(ZeroDivisionError), Saver(disk.write, every=60) as saver:
        saver.save("first")
        raise ZeroDivisionError
    assert "no space" in caplog.text
    assert all(thread.name != "saver" for thread in threading.enumerate())

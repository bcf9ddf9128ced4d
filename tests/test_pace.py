"""A line by time: soon, then rarely, and never for what is done at once."""

import logging

import pytest

from bakeoff.pace import Due, Pace, spell


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_the_first_line_is_due_soon_and_the_next_ones_rarely() -> None:
    clock = Clock()
    due = Due(clock)
    when = []
    for _ in range(1200):
        clock.now += 0.1
        if due():
            when.append(round(clock.now - 1000))
    assert when == [5, 35, 65, 95]


def test_what_says_something_itself_puts_the_next_line_off() -> None:
    clock = Clock()
    due = Due(clock)
    for _ in range(20):
        clock.now += 20
        due.put_off()
        clock.now += 9
        assert not due()


def test_a_line_says_how_far_how_fast_and_how_long_yet(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    caplog.set_level(logging.INFO)
    pace = Pace("packing", done=200, due=Due(clock))
    for done in range(300, 8001, 100):
        clock.now += 1
        pace(done, 8000)
    assert caplog.messages[:2] == [
        "packing: 700 of 8,000 images, 100 a second, 73 s left",
        "packing: 3,700 of 8,000 images, 100 a second, 43 s left",
    ]
    assert len(caplog.messages) == 3  # of 78 s


def test_what_is_done_at_once_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    pace = Pace("packing")
    for done in range(1, 1001):
        pace(done, 1000)
    assert caplog.messages == []


def test_a_time_has_the_usual_unit() -> None:
    assert [spell(t) for t in (41, 700, 12_000)] == ["41 s", "12 min", "3.3 h"]

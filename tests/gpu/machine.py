"""The machine that is checked: its device, the time that is left, and what a check says."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

T = TypeVar("T")


class Skipped(Exception):  # noqa: N818 - no error: something is missing that the check needs
    """A check was not made; its words say why."""


@dataclass
class Machine:
    """A device by torch's name, and the seconds in which all checks are to end."""

    device: str
    seconds: float = 540.0
    begun: float = field(default_factory=time.monotonic)

    @property
    def left(self) -> float:
        """Seconds that are left."""
        return self.seconds - (time.monotonic() - self.begun)

    def while_time_is_left(self, trials: Iterable[T], reserve: float) -> Iterator[T]:
        """The trials one by one; AssertionError where there are some when only `reserve` seconds are left."""
        for number, trial in enumerate(trials):
            assert self.left > reserve, f"no time left after {number}"
            yield trial


Check = Callable[[Machine], str]
"""Returns what it found, in a line; AssertionError where that is wrong, Skipped where it cannot look."""
CHECKS: dict[str, Check] = {}
"""Every check by what must hold, in the order in which they are made."""


def check(must_hold: str) -> Callable[[Check], Check]:
    """Mark a function as the check of what must hold."""

    def mark(function: Check) -> Check:
        CHECKS[must_hold] = function
        return function

    return mark

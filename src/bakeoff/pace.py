"""Progress of long work in a log: a line every so many seconds."""

import logging
import time
from collections.abc import Callable

FIRST = 5.0  # seconds until the first line; shorter work has none
EVERY = 30.0  # seconds between two lines

log = logging.getLogger(__name__)

Clock = Callable[[], float]


class Due:
    """Decides when the next line is due, by the clock alone."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self.clock = clock
        self._next = clock() + FIRST

    def __call__(self) -> bool:
        """Whether a line is due now; the next one is then due after EVERY seconds."""
        now = self.clock()
        if now < self._next:
            return False
        self._next = now + EVERY
        return True

    def put_off(self) -> None:
        """Delay the next line: something else was logged just now."""
        self._next = self.clock() + EVERY


class Pace:
    """Logs the progress of work that begins now, with `done` items done before.

    It is a `bakeoff.data.parallel.Progress`: call it with (done, total) after each item.
    """

    def __init__(self, what: str, done: int = 0, due: Due | None = None) -> None:
        self.what, self.before = what, done
        self.due = due or Due()
        self.begun = self.due.clock()

    def __call__(self, done: int, total: int) -> None:
        """Log a line where one is due and the work is not at its end."""
        if self.due() and done < total:
            log.info("%s", self.words(done, total))

    def words(self, done: int, total: int) -> str:
        """`packing: 1,200 of 8,000 images, 85 a second, 80 s left`."""
        rate, left = self.rate(done), spell(self.left(done, total))
        return f"{self.what}: {done:,} of {total:,} images, {rate:.3g} a second, {left} left"

    def rate(self, done: int) -> float:
        """Items a second since it began."""
        return (done - self.before) / max(self.due.clock() - self.begun, 1e-9)

    def left(self, done: int, total: int) -> float:
        """Seconds that the rest takes at this rate."""
        return (total - done) / max(self.rate(done), 1e-9)


def spell(seconds: float) -> str:
    """41 s, 12 min or 3.4 h."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"

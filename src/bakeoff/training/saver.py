"""Saving beside the training: a thread writes what a moment of it was, one such moment at a time."""

import logging
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Generic, Self, TypeVar

from bakeoff.errors import BakeoffError, CheckpointError

T = TypeVar("T")

log = logging.getLogger(__name__)

Clock = Callable[[], float]


class Saver(Generic[T]):
    """Calls `write` with what it is given, in a thread, and says when the next save is due.

    An error of the thread is raised where the training thread next asks: `due`, `save` or `wait`. As a
    context it leaves no thread behind: whoever else may then write, or says how the training ended.
    """

    def __init__(
        self, write: Callable[[T], None], every: float, clock: Clock = time.monotonic
    ) -> None:
        self.every = every  # seconds; 0: never due by the clock
        self._write, self._clock = write, clock
        self._thread: threading.Thread | None = None
        self._error: Exception | None = None
        self._last = clock()

    def due(self) -> bool:
        """Whether it is time to save: `every` seconds after the last one began, if that is written."""
        if not self.every or self._clock() - self._last < self.every:
            return False
        if self._thread is not None and self._thread.is_alive():
            return False
        self.wait()
        return True

    def save(self, moment: T) -> None:
        """Begin to write `moment`, when the one before is written."""
        self.wait()
        self._last = self._clock()
        self._thread = threading.Thread(target=self._run, args=(moment,), name="saver")
        self._thread.start()

    def wait(self) -> None:
        """Return when nothing is being written; raises the error of what was, CheckpointError if not ours."""
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        error, self._error = self._error, None
        if isinstance(error, BakeoffError):
            raise error
        if error is not None:
            raise CheckpointError(
                f"the training could not be saved: {type(error).__name__}: {error}. Start the run again: it "
                "goes on from the checkpoint before."
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.wait()
        except BakeoffError as unsaved:
            if error is None:
                raise
            log.warning("%s", unsaved)  # beside what ended the training

    def _run(self, moment: T) -> None:
        try:
            self._write(moment)
        except Exception as error:  # of the training thread, as soon as that asks
            self._error = error

"""Logs of runs that share a process: what is printed and logged is of the run whose turn it is."""

import io
import logging
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import TextIO

from bakeoff.layout import RunFolder
from bakeoff.training.job import jobs_log

RUN_LOG = "train.log"  # as the workflow calls the log of a run that has a job of its own


class OwnLogs(logging.Handler):
    """Takes the log of bakeoff, and standard output and error, to the run that was last told to `speak`.

    One handler and one stream for all runs: a turn on a GPU takes less time than exchanging them.
    """

    def __init__(self) -> None:
        super().__init__()
        self._logs: dict[Path, list[logging.FileHandler]] = {}
        self._speaking: list[logging.FileHandler] = []
        self._stream = _Stream(self)
        self._before: TextIO = sys.stderr

    def speak(self, folder: RunFolder) -> None:
        """From now on it is the turn of the run of that folder."""
        if folder.path not in self._logs:
            folder.checkpoints.mkdir(parents=True, exist_ok=True)
            self._logs[folder.path] = [
                logging.FileHandler(folder.path / RUN_LOG, encoding="utf-8"),
                jobs_log(folder),
            ]
        self._speaking = self._logs[folder.path]

    def end(self, folder: RunFolder) -> None:
        """The run of that folder says no more; what is said before the next one speaks is of none of them."""
        for log in self._logs.pop(folder.path, []):
            log.close()
        self._speaking = []

    def emit(self, record: logging.LogRecord) -> None:
        """Give the record to the logs of the run; what is of none, to where it would have gone."""
        for log in self._speaking or logging.getLogger().handlers:
            log.handle(record)

    def write(self, text: str) -> None:
        """Write what was printed into the run's own log; what is of none, to where it would have gone."""
        stream = self._speaking[0].stream if self._speaking else self._before
        if stream is not None:
            stream.write(text)
            stream.flush()

    @contextmanager
    def heard(self) -> Iterator["OwnLogs"]:
        """Until the block ends, nothing else hears what is printed and logged."""
        logger = logging.getLogger("bakeoff")
        propagated = logger.propagate
        logger.addHandler(self)
        logger.propagate = False
        try:
            with ExitStack() as stack:
                stack.enter_context(redirect_stdout(self._stream))
                stack.enter_context(redirect_stderr(self._stream))
                yield self
        finally:
            logger.removeHandler(self)
            logger.propagate = propagated
            for logs in self._logs.values():
                for log in logs:
                    log.close()


class _Stream(io.TextIOBase):
    """Standard output and error of the run whose turn it is; no terminal."""

    def __init__(self, logs: OwnLogs) -> None:
        self._logs = logs

    def write(self, text: str, /) -> int:
        self._logs.write(text)
        return len(text)

    def writable(self) -> bool:
        return True

"""Stop notices: how a training learns that its job will be preempted or ended, by a signal or a file.

Ctrl-C is SIGINT. SLURM sends SIGTERM when it preempts a job; submitit and many sites send SIGUSR2
or SIGUSR1 before the time limit. Signals may not reach the trainer through the processes between, so
the executor writes the reason into the file that the environment variable SNAKEMAKE_JOB_NOTICE names.
The trainer answers with a file of that name and .saved when it has saved.
"""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)
NOTICE_VARIABLE = "SNAKEMAKE_JOB_NOTICE"
EXIT_CODE = 75
"""EX_TEMPFAIL of sysexits.h: the run saved its state; start it again and it goes on."""

_POLL_SECONDS = 0.5  # a stat on a network file system is not free, a step may take a millisecond


class Stopped(Exception):  # noqa: N818 - a request that was honoured, not an error
    """The run saved its state after a notice and left; started again it goes on."""


class StopNotice:
    """Listens for notices while it is entered; `reason` is None until one came."""

    def __init__(self) -> None:
        notice = os.environ.get(NOTICE_VARIABLE)
        self._file = Path(notice) if notice else None
        self._signal: str | None = None
        self._next_poll = 0.0
        self._previous: dict[signal.Signals, object] = {}

    def __enter__(self) -> Self:
        for number in SIGNALS:
            self._previous[number] = signal.signal(number, self._receive)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if isinstance(error, Stopped) and self._file is not None:
            # SLURM may kill the process before it ends, and the exit code would be lost.
            with suppress(OSError):
                self._file.with_name(f"{self._file.name}.saved").touch()
        for number, handler in self._previous.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def reason(self) -> str | None:
        """Why the run has to stop, or None."""
        if self._signal is None and self._file is not None and time.monotonic() >= self._next_poll:
            self._next_poll = time.monotonic() + _POLL_SECONDS
            if self._file.exists():
                self._signal = self._file.read_text(encoding="utf-8").strip() or "notice"
        return self._signal

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGINT and self._signal is not None:
            raise KeyboardInterrupt  # a person who asks twice does not want to wait
        self._signal = signal.Signals(number).name

"""Ctrl-C and SIGTERM: the first is answered politely, the second at once, whatever SLURM does."""

import signal
import threading
from collections.abc import Callable
from typing import Any

from snakemake_executor_plugin_submitit.slurm import commands

# Seconds for which a polite end waits for SLURM, and one that was asked for twice.
POLITE, BRIEF = 60.0, 5.0


class Interrupts:
    """Counts the signals that ask Snakemake to end.

    Ctrl-C makes Snakemake cancel its jobs. SIGTERM makes it start no others and wait for those that run;
    a signal after that cancels them, and one more ends the waiting for SLURM.
    """

    def __init__(self, log: Callable[[str], None]) -> None:
        self.log = log
        self.hurry = threading.Event()
        self.patience = POLITE
        self._cancelling = False
        self._graceful: Any = None
        self._before: Any = None

    def listen(self) -> None:
        """Take the signals; called in the main thread after Snakemake has installed its own handler."""
        if self._before is not None or threading.current_thread() is not threading.main_thread():
            return
        self._before = signal.getsignal(signal.SIGINT)
        if self._before is not signal.SIG_IGN:  # a shell starts background jobs so
            signal.signal(signal.SIGINT, self._on_signal)
        self._graceful = signal.signal(signal.SIGTERM, self._on_signal)

    def cancelling(self) -> None:
        """Jobs are being cancelled, whyever: from now on a signal is the second."""
        self._cancelling = True

    def ignore(self) -> None:
        """Give the signals back, at the end."""
        if self._before is not None and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, self._before)
            signal.signal(signal.SIGTERM, self._graceful)
            self._before = None

    def _on_signal(self, number: int, frame: Any) -> None:
        if self._cancelling:
            self._hurry()
        elif number == signal.SIGTERM and callable(self._graceful) and self.patience == POLITE:
            self.patience = BRIEF
            self.log(
                "SIGTERM: no more jobs are started, and those that are queued or run are waited "
                "for. Ctrl-C or another SIGTERM cancels them."
            )
            self._graceful(number, frame)
        else:
            self._cancelling = True
            raise KeyboardInterrupt

    def _hurry(self) -> None:
        if self.hurry.is_set():  # something else does not end
            self.ignore()
            raise KeyboardInterrupt
        self.hurry.set()
        commands.end()

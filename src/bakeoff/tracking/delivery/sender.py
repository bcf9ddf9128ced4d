"""Sends a run's journal to MLflow while it trains, from a process of its own.

Training starts it and never hears of it again: it waits for nothing, imports no MLflow, and a
server that is down, slow or hanging meets only this process. It also journals what the job uses of
its machine, and how the job ended if the training process could not say so itself.
"""

import argparse
import logging
import os
import random
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from bakeoff.errors import TrackingError
from bakeoff.tracking.delivery.system_metrics import INTERVAL, Monitor
from bakeoff.tracking.journal.events import Metrics
from bakeoff.tracking.journal.journal import NAME, Journal, Tail
from bakeoff.tracking.mlflow.address import Address

if TYPE_CHECKING:
    from bakeoff.tracking.delivery.delivery import RunDelivery

log = logging.getLogger(__name__)

PAUSE = 2.0  # seconds between two rounds of sending
LONGEST_PAUSE = 120.0
GRACE = 60.0  # seconds that it goes on trying after training has ended
LOG = "sender.log"


def start_sender(
    folder: Path, uri: str | None, experiment: str, *, force: bool = False
) -> int | None:
    """Begin to send the journal of a run folder to MLflow; the new process's id.

    Call it inside `with journal:`, when the journal says RUNNING. None, with a warning, where the
    address cannot be used: training goes on, and `bakeoff sync` sends later.
    """
    try:
        address = Address.resolve(uri, force=force).absolute
    except TrackingError as error:
        log.warning("%s Training goes on; `bakeoff sync` sends its journal later.", error)
        return None
    arguments = [sys.executable, "-m", "bakeoff.tracking.delivery.sender", str(folder), experiment]
    arguments += [str(os.getpid())]
    # The address by the environment: it may hold a password, and arguments are for all to read.
    environment = os.environ | {
        "MLFLOW_TRACKING_URI": address.uri,
        "OMP_NUM_THREADS": "1",
        "CUDA_VISIBLE_DEVICES": "",
    }
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    output = (os.POSIX_SPAWN_OPEN, 1, str(folder / LOG), flags, 0o644)
    try:
        # A session of its own: what stops training (Ctrl-C, a signal to its group) is for training.
        return os.posix_spawn(
            sys.executable,
            arguments,
            environment,
            file_actions=[output, (os.POSIX_SPAWN_DUP2, 1, 2)],
            setsid=True,
        )
    except OSError as error:
        log.warning("The sender to MLflow could not be started (%s); `bakeoff sync` sends.", error)
        return None


class Sender:
    """The loop of the sending process, for the run folder of the training process `trainer`."""

    def __init__(self, folder: Path, address: Address, experiment: str, trainer: int) -> None:
        self.journal, self.address, self.experiment = folder / NAME, address, experiment
        self.trainer = trainer
        try:
            self.process: psutil.Process | None = psutil.Process(trainer)
            self.monitor: Monitor | None = Monitor(trainer)
        except psutil.Error:  # it has ended already
            self.process = self.monitor = None
        self.delivery: RunDelivery | None = None
        self.tail, self.writer = Tail(self.journal), Journal(self.journal)
        self._sample = 1 + max(
            (
                event.step
                for event in self.tail.read()
                if isinstance(event, Metrics) and event.is_sample
            ),
            default=0,
        )
        self._sent_offset = -1

    def run(self) -> bool:
        """Send until the job has ended and all is sent, or GRACE has passed; whether all is sent."""
        pause, attempt, sampled = PAUSE, 0.0, time.monotonic()
        ended: float | None = None
        while True:
            now = time.monotonic()
            if self.monitor and now - sampled >= INTERVAL and self._trains():
                self._journal_sample()
                sampled = now
            if ended is None and self._has_ended():
                ended, attempt, pause = now, 0.0, PAUSE  # the last events go at once
            if now >= attempt and (self._is_behind() or ended is not None):
                sent = self._send()
                if ended is not None and (sent or now - ended > GRACE):
                    return sent
                pause = PAUSE if sent else min(2 * pause, LONGEST_PAUSE)
                # Jobs of one array start together: they should not knock together.
                attempt = time.monotonic() + pause * random.uniform(0.8, 1.2)
                if ended is not None:
                    attempt = min(attempt, ended + GRACE)
            time.sleep(0.25)

    def _is_behind(self) -> bool:
        self.tail.read()
        return self.tail.offset != self._sent_offset

    def _send(self) -> bool:
        try:
            if self.delivery is None:
                self.delivery = self._open()
            self.delivery.send()
        except TrackingError as error:
            log.warning("%s", error)
            return False
        self._sent_offset = self.delivery.tail.offset
        return True

    def _open(self) -> "RunDelivery":
        # MLflow's import takes seconds of CPU: only here, and after training has begun.
        try:
            from bakeoff.tracking.delivery.delivery import RunDelivery
            from bakeoff.tracking.mlflow.experiments import find_or_create_experiment
            from bakeoff.tracking.mlflow.store import Store
        except ModuleNotFoundError as error:  # this goes on: it journals the machine and the end
            raise TrackingError(
                f"{error}, here on the node: `bakeoff sync` sends later."
            ) from error

        store = Store(self.address)
        return RunDelivery(store, find_or_create_experiment(store, self.experiment), self.journal)

    def _trains(self) -> bool:
        try:
            return self.process is not None and self.process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return False

    def _has_ended(self) -> bool:
        """Whether the job is over, from its last words or, if there were none, for it."""
        self.tail.read()
        last = self.tail.deduplicator.status
        if last is not None and last.status != "RUNNING" and not last.is_presumed:
            return True
        if self._trains():
            return False
        if last is not None and last.process.get("pid") == str(self.trainer):
            self.writer.status(
                "KILLED", "The training process ended without a word: killed, or out of memory."
            )
        return True

    def _journal_sample(self) -> None:
        assert self.monitor is not None
        try:
            self.writer.metrics(self._sample, self.monitor.sample())
            self._sample += 1
        except TrackingError as error:
            log.warning("%s", error)


def main() -> int:
    """`python -m bakeoff.tracking.delivery.sender FOLDER EXPERIMENT PID`; to MLFLOW_TRACKING_URI."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("experiment")
    parser.add_argument("trainer", type=int)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    os.nice(10)  # training first
    # Checked, and forced where it was to be, by the process that started this one.
    address = Address(os.environ["MLFLOW_TRACKING_URI"])
    sender = Sender(options.folder, address, options.experiment, options.trainer)
    if sender.run():
        log.info("Everything is in MLflow.")
        return 0
    log.warning("Not everything could be sent: `bakeoff sync` will.")
    return 1


if __name__ == "__main__":
    sys.exit(main())

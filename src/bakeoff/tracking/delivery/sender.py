"""The sender: a process of its own that sends a run's journal to MLflow while the run trains.

Training starts it and never waits for it: training imports no MLflow, and a server that is down, slow
or hanging delays only this process. It also journals the system metrics of the job, and the job's end
if the training process was killed before it could.
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
GRACE = 60.0  # seconds of further tries after training has ended
LOG = "sender.log"


def start_sender(
    folder: Path, uri: str | None, experiment: str, *, force: bool = False
) -> int | None:
    """Begin to send the journal of a run folder to MLflow; the new process's id.

    Call it inside `with journal:`, when the journal's status is RUNNING. None, with a warning, where the
    address cannot be used: training goes on, and `bakeoff sync` sends later.
    """
    try:
        address = Address.resolve(uri, force=force).absolute
    except TrackingError as error:
        log.warning("%s Training goes on; `bakeoff sync` sends its journal later.", error)
        return None
    arguments = [sys.executable, "-m", "bakeoff.tracking.delivery.sender", str(folder), experiment]
    arguments += [str(os.getpid())]
    # The address goes by the environment: it may hold a password, and everybody can read arguments.
    environment = os.environ | {
        "MLFLOW_TRACKING_URI": address.uri,
        "OMP_NUM_THREADS": "1",
        "CUDA_VISIBLE_DEVICES": "",
    }
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    output = (os.POSIX_SPAWN_OPEN, 1, str(folder / LOG), flags, 0o644)
    try:
        # A session of its own: Ctrl-C, or a signal to the group, must stop training and not the sender.
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
        pause, next_try, sampled = PAUSE, 0.0, time.monotonic()
        ended: float | None = None
        while True:
            now = time.monotonic()
            if self.monitor and now - sampled >= INTERVAL and self._is_training():
                self._journal_sample()
                sampled = now
            if ended is None and self._has_ended():
                ended, next_try, pause = now, 0.0, PAUSE  # the last events go at once
            if now >= next_try and (self._is_behind() or ended is not None):
                sent = self._send()
                if ended is not None and (sent or now - ended > GRACE):
                    return sent
                pause = PAUSE if sent else min(2 * pause, LONGEST_PAUSE)
                # Jobs of one array start together: the random factor spreads their retries.
                next_try = time.monotonic() + pause * random.uniform(0.8, 1.2)
                if ended is not None:
                    next_try = min(next_try, ended + GRACE)
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
            from bakeoff.tracking.delivery.primary import primary_metric, results_of
            from bakeoff.tracking.mlflow.experiments import find_or_create_experiment
            from bakeoff.tracking.mlflow.store import Store
        except (
            ModuleNotFoundError
        ) as error:  # the sender goes on: it journals system metrics and the end
            raise TrackingError(
                f"{error}, here on the node: `bakeoff sync` sends later."
            ) from error

        store = Store(self.address)
        metric = primary_metric(results_of(self.journal.parent))
        experiment_id = find_or_create_experiment(store, self.experiment, metric)
        return RunDelivery(store, experiment_id, self.journal)

    def _is_training(self) -> bool:
        try:
            return self.process is not None and self.process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return False

    def _has_ended(self) -> bool:
        """Whether the job is over; journals KILLED where the process is gone and did not journal its end."""
        self.tail.read()
        last = self.tail.deduplicator.status
        if last is not None and last.status != "RUNNING" and not last.is_presumed:
            return True
        if self._is_training():
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
    # The process that started this one has checked it, and applied `force`.
    address = Address(os.environ["MLFLOW_TRACKING_URI"])
    sender = Sender(options.folder, address, options.experiment, options.trainer)
    if sender.run():
        log.info("Everything is in MLflow.")
        return 0
    log.warning("Not everything could be sent: `bakeoff sync` will.")
    return 1


if __name__ == "__main__":
    sys.exit(main())

"""The lock of a run's folder: two processes that train one run would overwrite each other's checkpoints."""

import fcntl
import logging
import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bakeoff.locking import heartbeat
from bakeoff.training.stop import StopNotice, Stopped

log = logging.getLogger(__name__)

POLL_SECONDS = 0.5


@contextmanager
def exclusive(folder: Path, notice: StopNotice) -> Iterator[None]:
    """Hold `folder`/lock, and renew its time, until the block ends or the process dies.

    Waits for another process that trains the run, and logs which: a job whose Snakemake was killed
    trains on, and the next job finds its results. Raises Stopped after a notice meanwhile. On a file
    system without locks it warns and goes on.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "lock"
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            _lock(descriptor, file, notice)
        except OSError as error:
            log.warning("%s: cannot be locked (%s): make sure that one job trains it.", file, error)
        os.truncate(descriptor, 0)
        job = os.environ.get("SLURM_JOB_ID")
        where = f"{platform.node()}, SLURM job {job}" if job else platform.node()
        os.write(descriptor, f"process {os.getpid()} on {where}\n".encode())
        with heartbeat(file):
            yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, file: Path, notice: StopNotice) -> None:
    warned = False
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = file.read_text(encoding="utf-8").strip() or "another process"
            if reason := notice.reason():
                raise Stopped(
                    f"{reason}: {holder} still trains this run; there was nothing to save."
                ) from None
            if not warned:
                log.warning("%s: %s trains this run; waiting for it to end.", file.parent, holder)
            warned = True
            time.sleep(POLL_SECONDS)
        else:
            return

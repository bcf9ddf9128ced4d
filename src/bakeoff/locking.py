"""Whether anybody trains a run: its lock is held, or its heart has beaten lately.

A machine that dies cannot say so. The lock tells on one machine, and on file systems whose locks reach
from node to node; the heartbeat, the lock file's time renewed every half minute, tells on all others.
"""

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile

BEAT = 30.0  # seconds
SILENCE = 300.0  # seconds without a sign of life after which nobody is taken to train


@contextmanager
def beating(lock: Path) -> Iterator[None]:
    """Renew the time of the file `lock` every BEAT seconds until the block ends."""
    ended = threading.Event()

    def beat() -> None:
        while not ended.wait(BEAT):
            with suppress(OSError):  # the next one may succeed
                os.utime(lock)

    heart = threading.Thread(target=beat, name="heartbeat", daemon=True)
    heart.start()
    try:
        yield
    finally:
        ended.set()
        heart.join()


def last_sign(lock: Path, *others: Path) -> float:
    """When the lock file or one of `others` was last written (seconds since the Unix epoch); 0: never."""
    times = [0.0]
    for file in (lock, *others):
        with suppress(FileNotFoundError):
            times.append(file.stat().st_mtime)
    return max(times)


def is_silent(lock: Path, *others: Path) -> bool:
    """Whether nobody holds the file `lock`, and neither it nor `others` was written for SILENCE seconds."""
    # The file system's own clock: those of two machines may differ by minutes.
    with TemporaryFile(dir=others[0].parent if others else lock.parent) as fresh:
        now = os.fstat(fresh.fileno()).st_mtime
    return now - last_sign(lock, *others) > SILENCE and not is_held(lock)


def is_held(lock: Path) -> bool:
    """Whether a process holds the file `lock`; False where there is no such file, or no locks."""
    try:
        with lock.open("rb") as stream:
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # no such file, or no locks here
        return False
    return False

"""Whether a process trains a run: its lock is held, or its heartbeat is recent.

A machine that dies leaves no message. The lock shows it on one machine, and on file systems that share
locks between nodes; elsewhere the heartbeat does: the lock file's time, renewed every half minute.
"""

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile

HEARTBEAT_SECONDS = 30.0
STALE_SECONDS = 300.0  # without a heartbeat for so long, a run counts as abandoned


@contextmanager
def heartbeat(lock: Path) -> Iterator[None]:
    """Renew the time of the file `lock` every HEARTBEAT_SECONDS until the block ends."""
    ended = threading.Event()

    def beat() -> None:
        while not ended.wait(HEARTBEAT_SECONDS):
            with suppress(OSError):  # the next one may succeed
                os.utime(lock)

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def last_heartbeat(lock: Path, *others: Path) -> float:
    """When the lock file or one of `others` was last written (seconds since the Unix epoch); 0: never."""
    times = [0.0]
    for file in (lock, *others):
        with suppress(FileNotFoundError):
            times.append(file.stat().st_mtime)
    return max(times)


def is_stale(lock: Path, *others: Path) -> bool:
    """Whether nobody holds the file `lock`, and neither it nor `others` was written for STALE_SECONDS."""
    # The file system's own clock: those of two machines may differ by minutes.
    with TemporaryFile(dir=others[0].parent if others else lock.parent) as fresh:
        now = os.fstat(fresh.fileno()).st_mtime
    return now - last_heartbeat(lock, *others) > STALE_SECONDS and not is_held(lock)


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

"""One run, one writer: two processes that train the same run would overwrite each other's checkpoints."""

import fcntl
import logging
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bakeoff.errors import TrainingError

log = logging.getLogger(__name__)


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Hold `folder`/lock until the block ends or the process dies.

    Raises TrainingError that names the process that holds it. A file system without locks is
    warned about and trusted.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "lock"
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = file.read_text(encoding="utf-8").strip() or "another process"
            raise TrainingError(
                f"{folder.parent}: {holder} is training this run. Wait for it, or end it first."
            ) from None
        except OSError as error:
            log.warning("%s: cannot be locked (%s): make sure that one job trains it.", file, error)
        os.truncate(descriptor, 0)
        job = os.environ.get("SLURM_JOB_ID")
        where = f"{platform.node()}, SLURM job {job}" if job else platform.node()
        os.write(descriptor, f"process {os.getpid()} on {where}\n".encode())
        yield
    finally:
        os.close(descriptor)

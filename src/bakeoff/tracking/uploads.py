"""The files of a run on their way into MLflow: each content is uploaded once."""

import os
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from bakeoff.files import sha256
from bakeoff.tracking.mlflow_store import Store
from bakeoff.tracking.sent import Sent, SentFile

RESULTS = (
    "run.json",
    "history.csv",
    "metrics.json",
    "best.safetensors",
    "checkpoints/last.ckpt",
    "predictions/*.csv",
    "figures/**/*",
    "*.log",
    "logs/**/*",
)
"""What a run folder holds for MLflow beside what its journal names."""

LARGE = 8_000_000  # bytes
PAUSE = 600.0  # seconds between two uploads of a large file that keeps changing


def results(folder: Path) -> list[str]:
    """The paths of the result files in a run folder, relative to it, links excluded."""
    return sorted(
        str(file.relative_to(folder))
        for pattern in RESULTS
        for file in folder.glob(pattern)
        if file.is_file() and not file.is_symlink() and not _private(file)
    )


def upload(
    store: Store, sent: Sent, folder: Path, paths: Iterable[str], *, settled: bool = True
) -> int:
    """Upload the files whose content is not there yet; how many that were.

    While a run goes on (`settled=False`) a large file that was sent is not sent again before PAUSE
    is over: a checkpoint of every epoch would keep the network busy for nothing.
    """
    count = 0
    for path in paths:
        file = folder / path
        try:
            state = file.stat()
        except FileNotFoundError:
            continue  # announced, and gone since
        known = sent.files.get(path)
        if known and (known.size, known.modified) == (state.st_size, state.st_mtime_ns):
            continue
        recent = known is not None and time.time() - known.modified / 1e9 < PAUSE
        if not settled and state.st_size > LARGE and recent:
            continue
        with _held_still(file) as still:
            state, digest = still.stat(), sha256(still)
            if known is None or known.sha256 != digest:
                parent = str(Path(path).parent)
                store.upload(sent.run_id, still, "" if parent == "." else parent)
                count += 1
        sent.files[path] = SentFile(digest, state.st_size, state.st_mtime_ns)
    return count


@contextmanager
def _held_still(file: Path) -> Iterator[Path]:
    """A second name for the file's content as it is now: the trainer may replace the file meanwhile."""
    room = file.parent / f".sending-{os.getpid()}-{uuid4().hex[:8]}"
    room.mkdir()
    try:
        still = room / file.name
        try:
            still.hardlink_to(file)
        except OSError:  # a file system without hard links
            shutil.copy2(file, still)
        yield still
    finally:
        shutil.rmtree(room, ignore_errors=True)


def _private(file: Path) -> bool:
    # The sender writes about its sending: it would never be done sending that.
    return file.name.startswith(".") or file.name == "sender.log"

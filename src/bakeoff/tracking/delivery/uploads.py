"""Uploads of a run's files to MLflow: each content once.

While a run trains, the files that its journal names are uploaded: the best weights when they have
changed, the last checkpoint when a job stops. A large file that keeps changing is uploaded every ten
minutes at most, and at the end: 350 MB after each epoch would be hours of network.
"""

import os
import platform
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

import psutil

from bakeoff.files import link_or_copy, sha256
from bakeoff.tracking.delivery.cursor import Cursor, UploadedFile
from bakeoff.tracking.mlflow.store import Store

RESULTS = (
    "run.json",
    "history.csv",
    "metrics.json",
    "confusion.csv",
    "inference.json",
    "best.safetensors",
    "checkpoints/best.safetensors",
    "checkpoints/last.ckpt",
    "predictions/*.csv",
    "figures/**/*",
    "*.log",
    "logs/**/*",
)
"""The files of a run folder that MLflow gets beside those that its journal names."""

PUBLISHED, BEST = "best.safetensors", "checkpoints/best.safetensors"

LARGE = 8_000_000  # bytes
PAUSE = 600.0  # seconds between two uploads of a large file that keeps changing

SNAPSHOT = ".sending-"  # prefix of the folders
SNAPSHOT_AGE = 86_400.0
"""Seconds after which the sender of a snapshot on another machine counts as dead."""


def results(folder: Path) -> list[str]:
    """The paths of the result files in a run folder, relative to it, links excluded."""
    found = sorted(
        str(file.relative_to(folder))
        for pattern in RESULTS
        for file in folder.glob(pattern)
        if file.is_file() and not file.is_symlink() and not _private(file.relative_to(folder))
    )
    # The published weights are the best checkpoint's: the same content is not sent under two names.
    return [path for path in found if path != PUBLISHED or BEST not in found]


def upload(
    store: Store,
    cursor: Cursor,
    record: Path,
    folder: Path,
    paths: Iterable[str],
    *,
    settled: bool = True,
) -> int:
    """Upload the files whose content is not in MLflow yet; returns how many.

    The cursor in `record` is saved after each file, so that none is uploaded again after a kill. While a run
    goes on (`settled=False`) a large file that was sent is not sent again before PAUSE is over.
    """
    count = 0
    for path in paths:
        file = folder / path
        try:
            state = file.stat()
        except FileNotFoundError:
            continue  # journalled, and deleted since
        known = cursor.files.get(path)
        if known and (known.size, known.modified) == (state.st_size, state.st_mtime_ns):
            continue
        recent = known is not None and time.time() - known.modified / 1e9 < PAUSE
        if not settled and state.st_size > LARGE and recent:
            continue
        with _snapshot(file) as copy:
            state, digest = copy.stat(), sha256(copy)
            if known is None or known.sha256 != digest:
                parent = str(Path(path).parent)
                store.upload(cursor.run_id, copy, "" if parent == "." else parent)
                count += 1
        cursor.files[path] = UploadedFile(digest, state.st_size, state.st_mtime_ns)
        cursor.save(record)
    return count


@contextmanager
def _snapshot(file: Path) -> Iterator[Path]:
    """A hard link to the file's content as it is now: the trainer may replace the file meanwhile."""
    _remove_stale_snapshots(file.parent)
    snapshot = file.parent / f"{SNAPSHOT}{platform.node()}-{os.getpid()}-{uuid4().hex[:8]}"
    snapshot.mkdir()
    try:
        copy = snapshot / file.name
        link_or_copy(file, copy)
        yield copy
    finally:
        shutil.rmtree(snapshot, ignore_errors=True)


def _remove_stale_snapshots(folder: Path) -> None:
    """Remove the snapshots of senders that were killed: checkpoints are large."""
    for snapshot in folder.glob(f"{SNAPSHOT}*"):
        node, process, _ = snapshot.name.removeprefix(SNAPSHOT).rsplit("-", 2)
        with suppress(OSError):
            old = time.time() - snapshot.stat().st_mtime > SNAPSHOT_AGE
            if old or (node == platform.node() and not psutil.pid_exists(int(process))):
                shutil.rmtree(snapshot, ignore_errors=True)


def _private(path: Path) -> bool:
    # The sender writes its log while it sends: it would never be done with that file.
    return any(part.startswith(".") for part in path.parts) or path.name == "sender.log"

"""The files of a run on their way into MLflow: each content is uploaded once.

While a run trains, what its journal names goes: the best weights when they have changed, and the last
checkpoint when a job stops. Of a large file that keeps changing only every tenth minute's content goes,
and the latest at the end: 350 MB after each epoch would be hours of network for nothing.
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

from bakeoff.files import sha256
from bakeoff.tracking.delivery.cursor import Cursor, UploadedFile
from bakeoff.tracking.mlflow.store import Store

RESULTS = (
    "run.json",
    "history.csv",
    "metrics.json",
    "best.safetensors",
    "checkpoints/best.safetensors",
    "checkpoints/last.ckpt",
    "predictions/*.csv",
    "figures/**/*",
    "*.log",
    "logs/**/*",
)
"""What a run folder holds for MLflow beside what its journal names."""

PUBLISHED, BEST = "best.safetensors", "checkpoints/best.safetensors"

LARGE = 8_000_000  # bytes
PAUSE = 600.0  # seconds between two uploads of a large file that keeps changing

ROOM = ".sending-"
LEFT_BEHIND = 86_400.0  # seconds after which a sender on another machine is taken to be dead


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
    """Upload the files whose content is not there yet; how many that were.

    Each is remembered in `record` at once: what ends this process costs no second upload. While a run
    goes on (`settled=False`) a large file that was sent is not sent again before PAUSE is over.
    """
    count = 0
    for path in paths:
        file = folder / path
        try:
            state = file.stat()
        except FileNotFoundError:
            continue  # announced, and gone since
        known = cursor.files.get(path)
        if known and (known.size, known.modified) == (state.st_size, state.st_mtime_ns):
            continue
        recent = known is not None and time.time() - known.modified / 1e9 < PAUSE
        if not settled and state.st_size > LARGE and recent:
            continue
        with _held_still(file) as still:
            state, digest = still.stat(), sha256(still)
            if known is None or known.sha256 != digest:
                parent = str(Path(path).parent)
                store.upload(cursor.run_id, still, "" if parent == "." else parent)
                count += 1
        cursor.files[path] = UploadedFile(digest, state.st_size, state.st_mtime_ns)
        cursor.save(record)
    return count


@contextmanager
def _held_still(file: Path) -> Iterator[Path]:
    """A second name for the file's content as it is now: the trainer may replace the file meanwhile."""
    _remove_leftovers(file.parent)
    room = file.parent / f"{ROOM}{platform.node()}-{os.getpid()}-{uuid4().hex[:8]}"
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


def _remove_leftovers(folder: Path) -> None:
    """Remove what senders that were killed still hold: a checkpoint takes room on the disk."""
    for room in folder.glob(f"{ROOM}*"):
        node, process, _ = room.name.removeprefix(ROOM).rsplit("-", 2)
        with suppress(OSError):
            old = time.time() - room.stat().st_mtime > LEFT_BEHIND
            if old or (node == platform.node() and not psutil.pid_exists(int(process))):
                shutil.rmtree(room, ignore_errors=True)


def _private(path: Path) -> bool:
    # The sender writes about its sending: it would never be done sending that.
    return any(part.startswith(".") for part in path.parts) or path.name == "sender.log"

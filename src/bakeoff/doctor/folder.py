"""Checks of the results folder on this machine: its file system, write access, free space."""

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from bakeoff.config.experiment import Experiment
from bakeoff.data.tables import inspect_labels
from bakeoff.doctor.findings import Finding, ok, problem, warning
from bakeoff.tracking.mlflow.address import file_system

SPARE = 2e9  # bytes that checkpoints, predictions and logs may take
FEW_FILES = 2000
TRIAL = 1 << 20  # bytes: a quota shows only when something is written
ELSEWHERE = "name a folder that has room, `results:` in the config, for example on scratch"


def existing(folder: Path) -> Path:
    """The folder, or the nearest existing one above it."""
    folder = folder.absolute()
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    return folder


def examine(results: Path, experiment: Experiment | None) -> Iterator[Finding]:
    """Write and remove a test file, and compare the free space with what is needed."""
    place = existing(results)
    error = _write(place)
    if error:
        yield problem(f"results folder {place}: cannot be written: {error}", ELSEWHERE)
        return
    free = shutil.disk_usage(place).free
    needed = packed_bytes(experiment) if experiment else 0
    kind = file_system(place)
    where = f"results folder {place}{f' ({kind})' if kind else ''}"
    if free < needed:
        yield problem(
            f"{where}: {_size(free)} free, and the packed images alone take {_size(needed)}",
            ELSEWHERE,
        )
    elif free < needed + SPARE:
        yield warning(
            f"{where}: {_size(free)} free, of which packed images take {_size(needed)}; "
            "checkpoints need room too",
            ELSEWHERE,
        )
    else:
        yield ok(f"{where}: writable, {_size(free)} free (a quota may allow less)")
    files = os.statvfs(place)
    # Both numbers are 0 on file systems that do not count files.
    if files.f_files and files.f_favail < FEW_FILES:
        yield problem(
            f"{where}: room for {files.f_favail} more files",
            "remove files there, such as old environments, or " + ELSEWHERE,
        )


def packed_bytes(experiment: Experiment) -> int:
    """The size of the packed arrays: a byte per pixel and colour of every image, at every size."""
    split = experiment.split
    images = split.train + int(split.val) + split.test
    if split.given is not None and (table := inspect_labels(experiment.data).table) is not None:
        images = len(table.frame)
    ways = len(experiment.each)
    return ways * sum(images * one.image_bytes for one in experiment.packings())


def _write(folder: Path) -> str:
    path = folder / f".bakeoff-doctor-{uuid4().hex[:8]}"
    try:
        with path.open("wb") as stream:
            stream.write(os.urandom(TRIAL))
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        return error.strerror or str(error)
    finally:
        with suppress(OSError):
            path.unlink()
    return ""


def _size(count: float) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e8 else f"{count / 1e6:.1f} MB"

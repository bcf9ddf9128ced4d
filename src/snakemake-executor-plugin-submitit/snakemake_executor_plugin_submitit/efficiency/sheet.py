"""The CSV of `--submitit-efficiency FILE`: a row per job, units in the names of its columns."""

import csv
import io
import os
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryFile
from uuid import uuid4

from snakemake_executor_plugin_submitit.efficiency.ledger import MEGABYTE
from snakemake_executor_plugin_submitit.efficiency.rows import Row

COLUMNS = (
    "rule", "job", "job_id", "state", "source", "submitted", "node", "nodes", "attempts",
    "elapsed_s", "longest_attempt_s", "time_asked_s",
    "cpus_asked", "cpu_s", "cpus_busy", "cpu_efficiency",
    "mem_asked_mb_per_node", "mem_used_mb_per_node", "mem_efficiency",
    "gpus", "gpu_busy_max_percent", "gpu_mem_max_mb",
)  # fmt: skip
NAME = "efficiency.csv"
# What a sheet of another version has as well.
NEEDED = {"rule", "job", "job_id", "submitted"}


class SheetError(ValueError):
    """A file that is no sheet of ours, or cannot be read; the message names it and says what to do."""


def check(path: Path) -> None:
    """Raise SheetError unless a sheet can go to `path`: nothing is there, or one of an earlier run."""
    file = _real(place(path))
    _earlier(file)
    folder = next(each for each in file.parents if each.exists())
    try:
        with TemporaryFile(dir=folder):
            pass  # permissions do not tell it of root, nor of a file system that takes no files
    except OSError as error:
        why = error.strerror or error
        raise SheetError(f"{file} cannot be written ({why}): name another file") from None


def place(path: Path) -> Path:
    """The file, which in a folder has a name of its own."""
    return path / NAME if path.is_dir() else path


def write(path: Path, rows: Sequence[Row]) -> int:
    """Write the rows after those that earlier runs left in `path`; returns how many these are.

    A workflow that was interrupted goes on in another run: what it has used is in both. The file
    appears whole or not at all. Raises SheetError, or OSError where it cannot be written.
    """
    path = _real(path)
    new = [_values(row) for row in rows]
    again = {(one["job_id"], one["submitted"]) for one in new}
    kept = [one for one in _earlier(path) if (one["job_id"], one["submitted"]) not in again]
    text = io.StringIO()
    sheet = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    sheet.writeheader()
    sheet.writerows([*kept, *new])
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid4().hex[:8]}")
    try:
        with temporary.open("x", encoding="utf-8") as stream:
            stream.write(text.getvalue())
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return len(kept)


def _real(path: Path) -> Path:
    """What a link is a link to: a file that is written anew would take the place of the link."""
    return Path(os.path.realpath(path))


def _earlier(path: Path) -> list[dict[str, str]]:
    if path.exists() and not path.is_file():  # a device such as /dev/null, a pipe
        raise SheetError(f"{path} is no file: name one, as it is replaced; - is the log alone")
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            sheet = csv.DictReader(stream)
            if sheet.fieldnames and not NEEDED.issubset(sheet.fieldnames):
                raise SheetError(
                    f"{path} is there and is no efficiency report: expected the columns "
                    f"{', '.join(COLUMNS[:3])} and so on. Name another file, or move this one away"
                )
            return [{name: row.get(name) or "" for name in COLUMNS} for row in sheet]
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SheetError(f"{path} cannot be read ({error}): name another file") from None


def _values(row: Row) -> dict[str, str]:
    job, asked = row.job, row.job.asked
    moment = time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(job.submitted))
    values = (
        job.rule, job.title, job.address, job.state, row.source, moment, job.node, asked.nodes,
        row.attempts, _rounded(row.elapsed), _rounded(row.longest), _rounded(row.limit or None),
        row.cpus or "", _rounded(row.cpu_seconds or None), _rounded(row.busy),
        _rounded(row.busy / row.cpus if row.busy and row.cpus else None),
        _rounded(row.memory_asked / MEGABYTE or None), _rounded(row.memory / MEGABYTE or None),
        _rounded(row.memory / row.memory_asked if row.memory and row.memory_asked else None),
        row.gpus, _rounded(row.gpu_busy),
        _rounded(None if row.gpu_memory is None else row.gpu_memory / MEGABYTE),
    )  # fmt: skip
    return {name: str(value) for name, value in zip(COLUMNS, values, strict=True)}


def _rounded(value: float | None) -> str:
    """As a number without more digits than mean anything; empty where it is not known."""
    return "" if value is None else f"{value:.3f}".rstrip("0").rstrip(".")

"""Facts of a finished run that are in its files, not in its journal: its duration, its test table."""

import csv
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from bakeoff.files import read_json, sha256
from bakeoff.layout import Layout, RunFolder
from bakeoff.tracking.journal.events import Dataset
from bakeoff.tracking.presentation.display_names import KNOWN_AT_THE_END


@dataclass(frozen=True)
class RunFiles:
    """Tags of the whole run, and the table that it was tested on, if it was."""

    tags: Mapping[str, str] = field(default_factory=dict)
    tested: Dataset | None = None


def read_run_files(folder: Path, digest: str) -> RunFiles:
    """The facts in a run folder; none where its run.json is not of the configuration `digest`."""
    record = {}
    with suppress(OSError, ValueError):
        record = read_json(RunFolder(folder).run_json)
    if record.get("digest") != digest:
        return RunFiles()
    known = record.get("provenance") or {}
    tags = {key: str(known[key]) for key in KNOWN_AT_THE_END if known.get(key)}
    return RunFiles(tags, _tested(folder))


def _tested(folder: Path) -> Dataset | None:
    """The test table, if the run has a prediction for each of its rows."""
    predictions = RunFolder(folder).predictions("test")
    table = Layout(folder.parents[2]).split("test")
    if not (predictions.exists() and table.exists()):
        return None
    if (rows := _rows(table)) != _rows(predictions):
        return None
    return Dataset(
        time=table.stat().st_mtime,
        context="test",
        name=table.name,
        digest=sha256(table),
        rows=rows,
        source=str(table),
    )


def _rows(table: Path) -> int:
    with table.open(encoding="utf-8", newline="") as stream:
        return sum(1 for _ in csv.reader(stream)) - 1

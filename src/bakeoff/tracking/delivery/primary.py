"""The primary metric of a results folder: that of its comparison, else the usual one of its task."""

import csv
from contextlib import suppress
from pathlib import Path

from bakeoff.layout import Layout
from bakeoff.task.binary import BinaryTask
from bakeoff.task.classification import Metric
from bakeoff.task.kinds import recorded_task


def primary_metric(results: Path) -> Metric:
    """By which variants are compared; AUROC where an earlier version made the folder, which knew no other."""
    layout = Layout(results)
    task = recorded_task(layout.audit) or BinaryTask()
    # Whoever needs the table itself reports what is wrong with it.
    with (
        suppress(OSError, ValueError, StopIteration),
        layout.comparison.open(encoding="utf-8", newline="") as stream,
    ):
        return task.metric(next(csv.DictReader(stream)).get("metric") or None)
    return task.metric()


def results_of(folder: Path) -> Path:
    """The results folder in which a run or a pretraining has its folder."""
    rooms = ("runs", "pretraining")
    return next((above.parent for above in folder.parents if above.name in rooms), folder)

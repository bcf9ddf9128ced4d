"""Reading comparison.csv: by which metric variants were compared, and its rows, of whichever version."""

from pathlib import Path

import pandas as pd

from bakeoff.evaluation.comparison import LATER, columns_of
from bakeoff.report.reading import Unread, read_table
from bakeoff.task.classification import ClassificationTask, Metric

TEXT = ("kind", "variant", "missing", "baseline", "metric")
"""The columns that are no numbers."""


def read_comparison(
    path: Path, task: ClassificationTask, metric: str | None, unread: Unread
) -> tuple[Metric, pd.DataFrame]:
    """The primary metric, and the rows with every column of the task; no rows if there is no such file.

    The file says which metric it is by, one of an earlier version that it is the usual one; without a
    file it is `metric`. Other metrics may be unknown to the version that wrote it: they are NaN.
    """
    table = read_table(path, unread, TEXT, ("kind", "variant"))
    if len(table.columns):
        names = table.get("metric", pd.Series(dtype=str)).dropna()
        metric = str(names.iloc[0]) if len(names) else None
    try:
        primary = task.metric(metric)
    except ValueError as error:  # of another task
        unread.append(f"{path}: cannot be read ({error}).")
        return task.metric(), pd.DataFrame()
    if not len(table.columns):
        return primary, table
    columns = columns_of(task, primary)
    others = {f"test_{name}_" for name in task.metric_names if name != primary.name}
    absent = [
        column
        for column in columns
        if column not in table
        and column not in LATER
        and column.rpartition("_")[0] + "_" not in others
    ]
    if absent:
        unread.append(f"{path}: cannot be read (the columns {absent} are missing).")
        return primary, pd.DataFrame()
    return primary, table.reindex(columns=list(columns))

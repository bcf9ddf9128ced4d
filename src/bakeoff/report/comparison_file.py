"""Reading comparison.csv and conclusion.json, of whichever version: the metric, the rows, the conclusion."""

from pathlib import Path

import pandas as pd
from pydantic import TypeAdapter, ValidationError

from bakeoff.evaluation.comparison import LATER, columns_of, ensemble_columns
from bakeoff.evaluation.conclusion.conclusion import Conclusion
from bakeoff.report.reading import Unread, read_table
from bakeoff.task.classification import ClassificationTask, Metric

TEXT = ("kind", "variant", "missing", "baseline", "metric", "letters")
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
    later = (*LATER, *ensemble_columns(primary))
    others = {f"test_{name}_" for name in task.metric_names if name != primary.name}
    absent = [
        column
        for column in columns
        if column not in table
        and column not in later
        and column.rpartition("_")[0] + "_" not in others
    ]
    if absent:
        unread.append(f"{path}: cannot be read (the columns {absent} are missing).")
        return primary, pd.DataFrame()
    return primary, table.reindex(columns=list(columns))


def read_conclusion(path: Path, table: pd.DataFrame, unread: Unread) -> Conclusion | None:
    """The conclusion of the rows of `table`; None where there is none, as of an earlier version."""
    try:
        found: Conclusion | None = TypeAdapter(Conclusion | None).validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        unread.append(f"{path}: cannot be read ({error}).")
        return None
    if found is None or table.empty:
        return None
    finished = table[(table["kind"] == "variant") & (table["seeds_finished"] > 0)]
    if {one.name for one in found.contenders} <= set(finished["variant"]):
        return found
    unread.append(f"{path}: about other variants than comparison.csv. Run bakeoff compare again.")
    return None

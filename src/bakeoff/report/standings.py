"""The standings: the comparison's finished rows, best first, who ties, and by how much one is ahead.

A difference in comparison.csv is in the metric's own units; a lead is positive where the first is better,
whichever direction that is.
"""

import pandas as pd

from bakeoff.report.evidence import Evidence
from bakeoff.report.numbers import figure
from bakeoff.task.classification import Metric


def finished_rows(evidence: Evidence) -> pd.DataFrame:
    """The comparison's rows of variants with a finished run, best first."""
    table = evidence.comparison
    if table.empty:
        return table
    return table[(table["kind"] == "variant") & (table["seeds_finished"] > 0)]


def tied_first(rows: pd.DataFrame, metric: Metric) -> list[str]:
    """The variants whose mean equals the best one's as printed, the best first."""
    means = rows[f"test_{metric.name}_mean"]
    best = figure(means.iloc[0])
    return [
        str(name) for name, mean in zip(rows["variant"], means, strict=True) if figure(mean) == best
    ]


def leads(rows: pd.DataFrame, other: str, metric: Metric) -> pd.DataFrame:
    """By how much each row is ahead of `other`, "best" or "baseline": columns gap, low and high."""
    column = f"difference_to_{other}"
    gap, low, high = (metric.sign * rows[f"{column}{end}"] for end in ("", "_low", "_high"))
    if metric.sign < 0:
        low, high = high, low
    return pd.DataFrame({"gap": gap, "low": low, "high": high})

"""Subgroups of images by a column of their table: sex, age in bands, view, or any other."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd

from bakeoff.data.csv_table import require_column
from bakeoff.data.metadata import ages

if TYPE_CHECKING:
    from bakeoff.config.schema import Subgroup

AGE = "Patient Age"
USUAL = ("Patient Gender", "Patient Sex", AGE, "View Position")
"""The columns that are taken as far as a table has them, where none are asked for."""

USUAL_BANDS = (40.0, 60.0)
"""Years; of ages for which no bands are asked."""

MOST = 10
"""Values that a column may have."""


class Column(NamedTuple):
    """A column's subgroups: of each row the name of its group (n,), empty where it is in none.

    names: of the groups, in their order; problem: why there are none, in words, else empty.
    """

    name: str
    of: pd.Series
    names: tuple[str, ...]
    problem: str = ""


def require_subgroups(
    frame: pd.DataFrame, asked: "Sequence[Subgroup] | None", source: Path
) -> None:
    """Raise DataError where a column is asked for that the table lacks, with those that it has."""
    for one in asked or ():
        require_column(frame, one.column, source, "compare.subgroups")


def subgroups_of(frame: pd.DataFrame, asked: "Sequence[Subgroup] | None") -> list[Column]:
    """The subgroups of a table's rows, cells as text; by default those of USUAL that it has."""
    if asked is None:
        found = [_column(frame, name, ()) for name in USUAL if name in frame]
        return [column for column in found if len(column.names) > 1]
    return [_column(frame, one.column, one.bands) for one in asked]


def _column(frame: pd.DataFrame, name: str, bands: Sequence[float]) -> Column:
    nothing = pd.Series("", index=frame.index)
    if name not in frame:
        return Column(name, nothing, (), "the test split has no such column")
    texts = frame[name].fillna("").astype("str").str.strip()
    if name == AGE or bands:
        return _banded(name, texts, tuple(bands) or USUAL_BANDS)
    names = tuple(sorted(set(texts) - {""}))
    if len(names) > MOST:
        return Column(name, nothing, (), f"it has {len(names)} values, more than {MOST}")
    problem = "" if names else "no test image has a value"
    return Column(name, texts, names, problem)


def _banded(name: str, texts: pd.Series, bands: tuple[float, ...]) -> Column:
    numbers = ages(texts) if name == AGE else pd.to_numeric(texts, errors="coerce")
    ends = [f"{band:g}" for band in bands]
    names = (
        f"below {ends[0]}",
        *(f"{a} to below {b}" for a, b in pairwise(ends)),
    )
    names += (f"{ends[-1]} and above",)
    cut = pd.cut(numbers, [-float("inf"), *bands, float("inf")], right=False, labels=list(names))
    of = cut.astype("object").where(cut.notna(), "").astype("str")
    there = tuple(one for one in names if (of == one).any())
    return Column(name, of, there, "" if there else "no test image has a number")

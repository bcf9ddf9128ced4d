"""A table with a split of its own: its column is found and reported, and used if `split.given` names it."""

import re
from collections import Counter
from pathlib import Path
from typing import get_args

import pandas as pd

from bakeoff.errors import DataError
from bakeoff.layout import SplitName
from bakeoff.wording import listed

WORDS: dict[str, SplitName] = {
    **dict.fromkeys(("train", "training", "trn", "tr"), "train"),
    **dict.fromkeys(("val", "valid", "validate", "validation", "dev", "development"), "val"),
    **dict.fromkeys(("test", "testing", "tst", "te", "eval", "evaluation", "holdout"), "test"),
}
"""The names that tables use for the three splits, without case and punctuation."""


def split_named(cell: str) -> SplitName | None:
    """The split that a cell names: `Training`, ` VAL `, `hold-out`; None for any other word."""
    return WORDS.get(re.sub(r"[\W_]", "", cell).casefold())


def split_column(frame: pd.DataFrame) -> str | None:
    """The column that names a split in every row, train and another one at least; None without one."""
    for column in frame:
        values = frame[column].unique()
        if len(values) <= len(WORDS):
            named = {split_named(value) for value in values}
            if None not in named and "train" in named and len(named) > 1:
                return str(column)
    return None


def unused_split_warning(column: str, frame: pd.DataFrame, path: Path) -> str:
    """The warning that the table's own split in `column` is not used, with the line that would use it."""
    found = Counter(split_named(cell) for cell in frame[column])
    counts = ", ".join(f"{found[name]} {name}" for name in get_args(SplitName) if found[name])
    return (
        f"{path}: column '{column}' says itself which rows are for training and which for testing "
        f"({counts}), and is not used: the rows are split anew. To keep the table's own split: "
        f"split.given: {column} (in place of split.train and split.test)"
    )


def given_splits(
    frame: pd.DataFrame, lines: list[int], column: str, path: Path
) -> dict[SplitName, list[int]]:
    """Row positions of each split by the cells of `column`; DataError for cells that name no split."""
    splits: dict[SplitName, list[int]] = {name: [] for name in get_args(SplitName)}
    unknown = []
    for row, cell in enumerate(frame[column]):
        name = split_named(cell)
        if name is None:
            unknown.append(f"line {lines[row]} ({cell!r})")
        else:
            splits[name].append(row)
    if unknown:
        raise DataError(
            f"{path}: column '{column}' (split.given) names no split in {len(unknown)} rows: "
            f"{listed(unknown)}. Expected train, val or test (or training, validation, testing) in "
            "each; take out rows that are for nothing."
        )
    return splits

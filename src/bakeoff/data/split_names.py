"""The names of the three splits, in a column or of folders, and what is said of a split that is not used."""

import re
from collections import Counter
from typing import TYPE_CHECKING, get_args

from bakeoff.layout import SplitName

if TYPE_CHECKING:
    import pandas as pd

    from bakeoff.config.schema import Data

WORDS: dict[str, SplitName] = {
    **dict.fromkeys(("train", "training", "trn", "tr"), "train"),
    **dict.fromkeys(("val", "valid", "validate", "validation", "dev", "development"), "val"),
    **dict.fromkeys(("test", "testing", "tst", "te", "eval", "evaluation", "holdout"), "test"),
}
"""The names that tables use for the three splits, without case and punctuation."""


def split_named(cell: str) -> SplitName | None:
    """The split that a cell names: `Training`, ` VAL `, `hold-out`; None for any other word."""
    return WORDS.get(re.sub(r"[\W_]", "", cell).casefold())


def split_column(frame: "pd.DataFrame") -> str | None:
    """The column that names a split in every row, train and another one at least; None without one."""
    for column in frame:
        values = frame[column].unique()
        if len(values) <= len(WORDS):
            named = {split_named(value) for value in values}
            if None not in named and "train" in named and len(named) > 1:
                return str(column)
    return None


def unused_split_warning(column: str, frame: "pd.DataFrame", data: "Data") -> str:
    """The warning that the data's own split in `column` is not used, with the line that would use it."""
    found = Counter(split_named(cell) for cell in frame[column])
    counts = ", ".join(f"{found[name]} {name}" for name in get_args(SplitName) if found[name])
    if data.labels is None:
        return (
            f"{data.images}: its folders say themselves which images are for training and which for testing "
            f"({counts}), and that is not used: the images are split anew. To keep the folders' own split: "
            "split.given: folders (in place of split.train and split.test)"
        )
    return (
        f"{data.labels}: column '{column}' says itself which rows are for training and which for testing "
        f"({counts}), and is not used: the rows are split anew. To keep the table's own split: "
        f"split.given: {column} (in place of split.train and split.test)"
    )

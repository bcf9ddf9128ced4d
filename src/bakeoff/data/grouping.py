"""The column whose rows stay in one split: the group of each row, and what must be right before a split."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

import pandas as pd

from bakeoff.data.csv_table import Table
from bakeoff.data.patients import SimilarIds, identify, is_missing_id
from bakeoff.data.tables import Problem, missing_column
from bakeoff.wording import listed, plural

if TYPE_CHECKING:
    from bakeoff.config.schema import Data, Split

S = TypeVar("S", bound=str)

_BY_ROWS = "To split by rows: split.group_by: null."


def group_word(column: str | None) -> str:
    """The word for images with one value of the column: "patient" if its name has it, else "group"."""
    return "patient" if column is None or "patient" in column.lower() else "group"


def group_names(labels: pd.DataFrame, data: "Data", split: "Split") -> pd.Series | None:
    """The canonical group of each row, with `data.similar_ids` applied; None where rows are split singly."""
    if split.group_by is None:
        return None
    cells = labels[split.group_by].astype("str")
    return identify(cells, data.similar_ids).names(cells)


def patient_cells(
    parts: Mapping[S, pd.DataFrame], column: str, similar_ids: SimilarIds | None
) -> dict[S, pd.Series]:
    """The patient of each row of the splits, as the predictions' tables name it.

    Merged ids have one name; where nothing was merged, ids stay as the table writes them, and whoever
    reads them compares numbers by value.
    """
    cells = {name: part[column].astype("str") for name, part in parts.items()}
    if similar_ids != "merge":
        return cells
    who = identify(pd.concat(cells.values()), similar_ids)
    return {name: who.names(ids) for name, ids in cells.items()}


def inspect_groups(table: Table, data: "Data", split: "Split") -> list[Problem]:
    """Problems that prevent grouping: no such column, rows without a group, unsettled similar ids."""
    column, key = split.group_by, "split.group_by"
    if column is None:
        return []
    if column not in table.frame:
        if column == data.patient_column:
            return []  # reported with the patient column
        return missing_column(table.frame, column, data.labelled_by, key, _BY_ROWS)
    cells = table.frame[column]
    missing = cells.map(is_missing_id)
    if missing.any() and column != data.patient_column:
        # Without this, all of them would be one group.
        found = ", ".join(sorted({repr(cell) for cell in cells[missing] if cell.strip()}))
        images = table.frame.get(data.image_column, pd.Series(table.lines, cells.index))[missing]
        return [
            Problem(
                key,
                f"{data.labelled_by}: column '{column}' ({key}) is empty{found and f' ({found})'} in "
                f"{plural(len(images), 'row')}: {listed(images.tolist())}. Give each a value. {_BY_ROWS}",
            )
        ]
    similar = identify(cells).similar if data.similar_ids is None else []
    if not similar:
        return []
    return [
        Problem(
            "data.similar_ids",
            f"{data.labelled_by}: column '{column}' ({key}): {len(similar)} sets of ids are equal but for "
            f"case, zeros, blanks or punctuation: {equations(similar)}. If the ids of each set are one, "
            "write data.similar_ids: merge; if they are different ones, data.similar_ids: distinct; "
            "otherwise correct the file. Until then nobody knows who would be in two splits.",
        )
    ]


def useless_grouping_warning(names: pd.Series | None, split: "Split") -> str:
    """The warning for a column `split.group_by` in which every row is its own group; empty where it is none.

    `names` has the group of each row, as `group_names` says it.
    """
    if names is None or names.duplicated().any():
        return ""
    return (
        f"each of the {len(names)} rows has a '{split.group_by}' (split.group_by) of its own, so that "
        "grouping by it keeps nothing together. If people have several images here, another column "
        "says who is on them: data.patient_column"
    )


def equations(sets: Sequence[Sequence[str]]) -> str:
    """Sets of ids as text: `'P7' = 'p7', '13' = '13.0'`, the first twenty."""
    return listed([" = ".join(repr(one) for one in ones[:6]) for ones in sets])

"""A split that is given: by a column of the table, the folders of the images, or lists of their names."""

import posixpath
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bakeoff.data.class_folders import SPLIT
from bakeoff.data.csv_table import Table
from bakeoff.data.drawing import SPLITS, Rows, cut_validation
from bakeoff.data.feasibility import more_of, require_labels
from bakeoff.data.locating import find
from bakeoff.data.split_lists import NOBODY, match
from bakeoff.data.split_names import split_named
from bakeoff.data.tables import LabelledRows, place_of
from bakeoff.errors import DataError, SplitError, ValidationMissingError
from bakeoff.task.classification import Labels
from bakeoff.wording import listed, plural

if TYPE_CHECKING:
    from bakeoff.config.schema import Data, Given, Split


class GivenRows(NamedTuple):
    """The rows of each split, whether those for validation were cut from training, and notes."""

    rows: Rows
    val_is_cut: bool
    notes: list[str]


class _Named(NamedTuple):
    """The split of each row by its name, "" for none, and notes."""

    splits: NDArray[np.str_]
    notes: list[str]


def given_rows(
    table: LabelledRows, lines: list[int], data: "Data", split: "Split", names: pd.Series | None
) -> GivenRows:
    """The rows of each split as `split.given` has them, with `split.val` cut from training where it has none.

    `names` has the group of each row, which stays whole in that. Raises DataError for rows that are in no
    split, SplitError where a split would have no rows.
    """
    given = split.given
    assert given is not None
    splits, notes = _named(Table(table.frame, lines), data, given)
    found = {name: np.flatnonzero(splits == name).astype(np.int64) for name in SPLITS}
    val_is_set = "val" in split.model_fields_set
    counts = ", ".join(f"{name} {len(found[name])}" for name in SPLITS)
    where = f"{data.labelled_by}: split.given, {given.words}, has {counts}"
    if not len(found["train"]) or not len(found["test"]):
        raise SplitError(
            f"{where}; expected rows to train on and rows to test on. {' '.join(notes)}".strip()
        )
    if len(found["val"]) and val_is_set:
        raise SplitError(f"{where}: leave split.val out, or take those rows out of validation.")
    rows = Rows(found["train"], found["val"], found["test"])
    there: dict[str, Labels] = {name: table.labels[at] for name, at in found.items() if len(at)}
    require_labels(there, table.task, split, drawn=False)
    if not len(rows.val):
        train = rows.train
        if not val_is_set or split.val > len(train) - 2:
            raise ValidationMissingError(
                f"{where}, and epochs are chosen on validation. Take some of the training rows for it: "
                f"for example split.val: 0.2, or split.val: {max(2, len(train) // 5)}"
            )
        try:
            stay, validate = cut_validation(
                table.at(train), split, None if names is None else names.iloc[train], more_of(data)
            )
        except SplitError as error:  # the numbers in it are of those rows alone
            raise SplitError(f"train: {error}") from None
        rows = Rows(train[stay], train[validate], rows.test)
        there = {"train": table.labels[rows.train], "val": table.labels[rows.val]}
        require_labels(there, table.task, split, drawn=False)
    return GivenRows(rows, not len(found["val"]), notes)


def _named(table: Table, data: "Data", given: "Given") -> _Named:
    if given.lists:
        return _by_lists(table, data, given)
    if given.folders:
        return _Named(_by_folders(table, data), [])
    assert given.column is not None
    cells = table.frame[given.column]
    problem = f"column '{given.column}' (split.given) names no split"
    return _Named(_by_words(cells, cells, table, data, problem), [])


def _by_lists(table: Table, data: "Data", given: "Given") -> _Named:
    images = table.frame[data.image_column].tolist()
    of_image, notes = match(given.lists, images)
    splits = np.asarray([*given.lists, ""])[of_image]
    nowhere = np.flatnonzero(of_image == NOBODY)
    if len(nowhere):
        example = f" {' '.join(notes)}" if notes else ""
        raise DataError(
            f"{data.labelled_by}: {plural(len(nowhere), 'row')} of {len(images):,} are in none of "
            f"{given.words} (split.given): {listed([images[row] for row in nowhere])}. Add them to one of "
            f"the lists, or take them out of the table.{example}"
        )
    return _Named(splits, notes)


def _by_folders(table: Table, data: "Data") -> NDArray[np.str_]:
    """By the first folder of each image's path: its own of class folders, that of its file for a table."""
    images = table.frame[data.image_column]
    if data.labels is None:
        if SPLIT not in table.frame:
            raise DataError(
                f"{data.images}: its class folders are not in folders of splits (split.given: folders). "
                f"Expected {data.images}/train/<class>/ and {data.images}/test/<class>/; without them leave "
                "split.given out."
            )
        cells = table.frame[SPLIT]
    else:
        places = find(data.images, images, data.suffix)
        if lost := [name for name in images if name not in places.found]:
            raise DataError(
                f"{data.images}: {plural(len(lost), 'image')} of the table not found, whose folders are to "
                f"say their split (split.given: folders): "
                f"{listed([places.problem(name) for name in lost])}. {places.advice}".strip()
            )
        found = images.map(places.found).map(posixpath.normpath)
        cells = found.where(~found.str.contains("/"), found.str.partition("/")[0])
    problem = "folders of images (split.given: folders) name no split"
    return _by_words(cells, images, table, data, problem)


def _by_words(
    cells: pd.Series, shown: pd.Series, table: Table, data: "Data", problem: str
) -> NDArray[np.str_]:
    """The split that each cell names; DataError for cells that name none."""
    words = {word: split_named(word) or "" for word in cells.unique()}
    splits = cells.map(words).to_numpy(dtype=np.str_)
    unknown = np.flatnonzero(splits == "")
    if len(unknown):
        where = [f"{place_of(data, table, row)} ({shown.iloc[row]!r})" for row in unknown.tolist()]
        raise DataError(
            f"{data.labelled_by}: {problem} in {plural(len(unknown), 'row')}: {listed(where)}. "
            "Expected train, val or test (or training, validation, testing) in each; take out rows that are "
            "for nothing."
        )
    return splits

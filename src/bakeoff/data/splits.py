"""The rows of each split, in exactly the configured sizes; by default no patient is in two of them."""

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bakeoff.data.assignment import assign
from bakeoff.data.audit import Audit, audit_splits
from bakeoff.data.csv_table import Table
from bakeoff.data.decoding import examine_images
from bakeoff.data.feasibility import (
    Sizes,
    no_such_sizes,
    require_enough,
    require_labels,
    too_few_groups,
)
from bakeoff.data.given import given_splits, split_column, unused_split_warning
from bakeoff.data.grouping import group_names, inspect_groups, useless_grouping_warning
from bakeoff.data.optimum import Groups
from bakeoff.data.parallel import Progress
from bakeoff.data.patients import canonical_names
from bakeoff.data.stratification import ClassGroups, assign_classes, stratified_targets
from bakeoff.data.tables import LabelledRows, Problem, inspect_labels, missing_column
from bakeoff.errors import BakeoffError, DataError, SplitError
from bakeoff.files import replacing, write_json
from bakeoff.layout import SplitName
from bakeoff.task.classification import ClassificationTask, Labels

if TYPE_CHECKING:
    from bakeoff.config.schema import Data, Split

SPLITS: tuple[SplitName, ...] = ("train", "val", "test")


class Rows(NamedTuple):
    """Row positions in the table, int64, of each split."""

    train: NDArray[np.int64]
    val: NDArray[np.int64]
    test: NDArray[np.int64]


class SplitInspection(NamedTuple):
    """The rows of each split, or every problem that prevents a split; images are not opened for it.

    `table` is None where the file is no table, `labels` where it has no valid labels, `rows` where there
    are `problems`. `warnings` are about the table; the audit repeats them.
    """

    table: Table | None
    labels: LabelledRows | None
    rows: Rows | None
    problems: list[Problem]
    warnings: list[str]
    error: BakeoffError | None  # all problems as the split stage raises them


def write_splits(
    data: "Data",
    split: "Split",
    folder: Path,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Audit:
    """Choose rows, check and digest their images, write train.csv, val.csv, test.csv and audit.json.

    Nothing is written unless everything can be. Raises DataError for the table or images, SplitError for
    sizes that cannot be had.
    """
    inspected = inspect_split(data, split)
    if inspected.error is not None:
        raise inspected.error
    table, rows = inspected.labels, inspected.rows
    assert table is not None and rows is not None
    parts: dict[str, LabelledRows] = {
        name: table.at(at) for name, at in zip(SPLITS, rows, strict=True)
    }
    names = [image for part in parts.values() for image in part.frame[data.image_column]]
    facts = examine_images(data.images, names, workers, progress, data.suffix)
    sizes: dict[str, int] = {name: len(part.labels) for name, part in parts.items()}
    made = split.model_copy(update=sizes)  # a given split has its sizes from the table alone
    audit = audit_splits(parts, facts, data, made, len(table.labels), inspected.warnings)
    with ExitStack() as stack:  # all four are written before the first takes its place
        write_json(stack.enter_context(replacing(folder / "audit.json")), audit.as_json())
        for name, part in parts.items():
            path = stack.enter_context(replacing(folder / f"{name}.csv"))
            part.frame.to_csv(path, index=False, lineterminator="\n")
    return audit


def inspect_split(data: "Data", split: "Split") -> SplitInspection:
    """Read the table and choose the rows, or list all problems at once; raises nothing.

    After `inspect_labels` it checks groups, patients' ids, a split of the table's own, and the sizes.
    `write_splits`, `bakeoff plan` and `bakeoff doctor` build on it.
    """
    table, labels, found = inspect_labels(data)
    problems, warnings = list(found), list[str]()
    if table is not None:
        problems += inspect_groups(table, data, split)
        own = split_column(table.frame)
        if split.given is not None:
            problems += missing_column(table.frame, split.given, data.labels, "split.given")
        elif own is not None:
            warnings.append(unused_split_warning(own, table.frame, data.labels))
    if labels is None or table is None or problems:
        error = DataError("\n".join(problem.text for problem in problems))
        return SplitInspection(table, labels, None, problems, warnings, error)
    if warning := useless_grouping_warning(labels.frame, data, split):
        warnings.append(warning)
    names = group_names(labels.frame, data, split)
    try:
        if split.given is None:
            rows = split_rows(labels, split, names)
        else:
            rows = given_rows(labels, table.lines, split, split.given, data.labels, names)
    except (DataError, SplitError) as refused:
        key = "split" if split.given is None else "split.given"
        at_path = str(refused).startswith(str(data.labels))
        problem = Problem(key, str(refused) if at_path else f"{data.labels}: {refused}")
        return SplitInspection(table, labels, None, [problem], warnings, refused)
    return SplitInspection(table, labels, rows, [], warnings, None)


def split_rows(table: LabelledRows, split: "Split", names: pd.Series | None = None) -> Rows:
    """Rows of `table` for each split, exactly as many as asked.

    By default groups stay whole and each split has the table's share of each class, in the table's order;
    `names` has the group of each row, by default the column `split.group_by` in canonical form. With
    `group_by: null, stratify: false` the rows and order of NumPy's legacy shuffle (Lab 5):
    `np.random.seed(seed); idx = np.arange(n); np.random.shuffle(idx)`. Raises SplitError.
    """
    sizes = {"train": split.train, "val": split.val, "test": split.test}
    require_enough(table.labels, sizes, table.task)
    if names is None and split.group_by is not None:
        names = canonical_names(table.frame[split.group_by])
    rows = Rows(*_choose(table.labels, table.task, names, split, sizes))
    _require_labels(table, rows, split)
    return rows


def given_rows(
    table: LabelledRows,
    lines: list[int],
    split: "Split",
    column: str,
    path: Path,
    names: pd.Series | None,
) -> Rows:
    """The rows of each split by `column`; validation rows are taken from training where it names none.

    Raises DataError for a cell that names no split, SplitError where a split would have no rows.
    """
    given = given_splits(table.frame, lines, column, path)
    val_is_set = "val" in split.model_fields_set
    counts = ", ".join(f"{name} {len(given[name])}" for name in SPLITS)
    where = f"{path}: column '{column}' (split.given) has {counts}"
    if not given["train"] or not given["test"]:
        raise SplitError(f"{where}; expected rows to train on and rows to test on.")
    if given["val"] and val_is_set:
        raise SplitError(f"{where}: leave split.val out, or take those rows' names away.")
    train, val, test = (np.asarray(given[name], dtype=np.int64) for name in SPLITS)
    if not len(val):
        if not val_is_set or split.val > len(train) - 2:
            raise SplitError(
                f"{where}, and epochs are chosen on validation. Take some of the training rows for it: "
                f"for example split.val: {max(2, len(train) // 5)}"
            )
        sizes = {"train": len(train) - split.val, "val": split.val}
        require_enough(table.labels[train], sizes, table.task)
        of_train = None if names is None else names.iloc[train]
        chosen = _choose(table.labels[train], table.task, of_train, split, sizes)
        train, val = (train[at] for at in chosen)
    rows = Rows(train, val, test)
    _require_labels(table, rows, split, drawn=False)
    return rows


def _choose(
    labels: Labels,
    task: ClassificationTask,
    names: pd.Series | None,
    split: "Split",
    sizes: Sizes,
) -> list[NDArray[np.intp]]:
    """Positions of each split: whole groups where rows have `names`, stratified where that is asked."""
    random = np.random.RandomState(split.seed)
    if names is None and not split.stratify:
        order = np.arange(len(labels))
        random.shuffle(order)
        return np.split(order, np.cumsum(list(sizes.values())))[: len(sizes)]
    group_of = np.arange(len(labels)) if names is None else pd.factorize(names)[0]
    strata = task.strata(labels)
    # Without stratification nothing counts as positive, and only the sizes have to come out.
    counted = strata if split.stratify else np.zeros_like(strata[:, :1])
    wanted = list(sizes.values())
    groups = ClassGroups.of(group_of, counted)
    first = Groups(groups.rows, groups.counts[:, 0])
    if len(groups.rows) < len(sizes):
        raise too_few_groups(first, sizes, split.group_by)
    if counted.shape[1] == 1:
        targets = stratified_targets(wanted, int(counted.sum()), len(counted))
        chosen = assign(first, wanted, targets, random)
    else:
        chosen = assign_classes(groups, wanted, random)
    if chosen is None:
        raise no_such_sizes(first, sizes, split.group_by)
    return [np.flatnonzero(np.isin(group_of, members)) for members in chosen]


def _require_labels(table: LabelledRows, rows: Rows, split: "Split", drawn: bool = True) -> None:
    there = {name: table.labels[at] for name, at in rows._asdict().items()}
    require_labels(there, table.task, split, drawn)

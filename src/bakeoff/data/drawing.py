"""Rows that are drawn: for each split exactly as many as asked, patients whole, classes in their shares."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bakeoff.data.assignment import assign
from bakeoff.data.feasibility import (
    USE_MORE,
    Sizes,
    no_such_sizes,
    require_enough,
    require_labels,
    require_room,
    too_few_groups,
)
from bakeoff.data.optimum import Groups, nearest_sizes
from bakeoff.data.patients import canonical_names
from bakeoff.data.stratification import ClassGroups, assign_classes, stratified_targets
from bakeoff.data.tables import LabelledRows
from bakeoff.layout import SplitName

if TYPE_CHECKING:
    from bakeoff.config.schema import Split

SPLITS: tuple[SplitName, ...] = ("train", "val", "test")


class Rows(NamedTuple):
    """Row positions in the table, int64, of each split."""

    train: NDArray[np.int64]
    val: NDArray[np.int64]
    test: NDArray[np.int64]


def split_rows(
    table: LabelledRows, split: "Split", names: pd.Series | None = None, more: str = USE_MORE
) -> Rows:
    """Rows of `table` for each split, exactly as many as asked.

    By default groups stay whole and each split has the table's share of each class, in the table's order;
    `names` has the group of each row, by default the column `split.group_by` in canonical form. With
    `group_by: null, stratify: false` the rows and order of NumPy's legacy shuffle (Lab 5):
    `np.random.seed(seed); idx = np.arange(n); np.random.shuffle(idx)`. Of `folds`, the images of all three
    splits together are cut into equal ones: one tests, the next validates, the others train. Raises
    SplitError, with `more` as what helps where there are too few.
    """
    sizes = {"train": split.train, "val": int(split.val), "test": split.test}
    if split.folds is not None:
        sizes = _fold_sizes(sum(sizes.values()), split.folds)
    require_enough(table.labels, sizes, table.task, more)
    require_room(table.labels, sizes, table.task)
    if names is None and split.group_by is not None:
        names = canonical_names(table.frame[split.group_by])
    drawn = _draw(table, names, split, sizes)
    rows = Rows(*drawn) if split.fold is None else _of_fold(drawn, split.fold)
    there = {name: table.labels[at] for name, at in rows._asdict().items()}
    require_labels(there, table.task, split)
    return rows


def _fold_sizes(rows: int, folds: int) -> Sizes:
    """As equal as can be, the first ones larger by one."""
    return {f"fold-{at + 1}": rows // folds + (at < rows % folds) for at in range(folds)}


def _of_fold(drawn: list[NDArray[np.intp]], fold: int) -> Rows:
    """The rows where that fold, from 1 on, tests."""
    test, val = fold - 1, fold % len(drawn)
    train = [rows for at, rows in enumerate(drawn) if at not in (test, val)]
    return Rows(np.concatenate(train), drawn[val], drawn[test])


def cut_validation(
    training: LabelledRows, split: "Split", names: pd.Series | None, more: str = USE_MORE
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Positions in the rows to train on that stay there, and those of `split.val` that validate.

    A number of images comes out exactly; of a share the nearest that whole groups allow. Raises SplitError.
    """
    rows = len(training.labels)
    if split.val < 1:
        val = min(max(2, round(split.val * rows)), rows - 2)
        if names is not None:
            val = _nearest(np.bincount(pd.factorize(names)[0]), val)
    else:
        val = int(split.val)
    sizes = {"train": rows - val, "val": val}
    require_enough(training.labels, sizes, training.task, more)
    train, validation = _draw(training, names, split, sizes)
    return train, validation


def _draw(
    table: LabelledRows, names: pd.Series | None, split: "Split", sizes: Sizes
) -> list[NDArray[np.intp]]:
    """Positions of each split: whole groups where rows have `names`, stratified where that is asked."""
    random = np.random.RandomState(split.seed)
    if names is None and not split.stratify:
        order = np.arange(len(table.labels))
        random.shuffle(order)
        return np.split(order, np.cumsum(list(sizes.values())))[: len(sizes)]
    group_of = np.arange(len(table.labels)) if names is None else pd.factorize(names)[0]
    strata = table.task.strata(table.labels)
    # Without stratification nothing counts as positive, and only the sizes have to come out.
    counted = strata if split.stratify else np.zeros_like(strata[:, :1])
    wanted = list(sizes.values())
    groups = ClassGroups.of(group_of, counted)
    first = Groups(groups.rows, groups.counts[:, 0])
    if len(groups.rows) < len(sizes):
        raise too_few_groups(first, sizes, split.group_by)

    def assigned(rows: list[int]) -> list[NDArray[np.intp]] | None:
        if counted.shape[1] > 1:
            return assign_classes(groups, rows, random)
        targets = stratified_targets(rows, int(counted.sum()), len(counted))
        return assign(first, rows, targets, random)

    chosen = assigned(wanted)
    if chosen is None and split.folds is not None:  # which nobody wrote to be so large exactly
        nearest = nearest_sizes(first, wanted)
        chosen = None if nearest is None else assigned(nearest)
    if chosen is None:
        raise no_such_sizes(first, sizes, split.group_by)
    return [np.flatnonzero(np.isin(group_of, members)) for members in chosen]


def _nearest(groups: NDArray[np.int64], rows: int) -> int:
    """The number of rows nearest to `rows`, of equally near ones the smaller, that whole groups add up to.

    `groups` (G,) has the rows of each; neither none of them nor all are taken. With one group alone there is
    no such number, and `rows` comes back.
    """
    reached = 1  # bit n: some groups have n rows together
    for size in groups.tolist():
        reached |= reached << size
    total = int(groups.sum())
    for off in range(total):
        for n in (rows - off, rows + off):
            if 0 < n < total and reached >> n & 1:
                return n
    return rows

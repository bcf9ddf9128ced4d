"""Train, validation and test rows of exactly the asked sizes: by default no patient in two of them."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bakeoff.data.assignment import assign
from bakeoff.data.audit import Audit, audit_splits
from bakeoff.data.decoding import examine_images
from bakeoff.data.listing import listed
from bakeoff.data.optimum import Groups, nearest_sizes
from bakeoff.data.parallel import Progress
from bakeoff.data.patients import canonical_names
from bakeoff.data.tables import DISEASE, read_labels, require_column
from bakeoff.errors import DataError, SplitError
from bakeoff.files import replacing, write_json

if TYPE_CHECKING:
    from bakeoff.config.schema import Data, Split

SPLITS = ("train", "val", "test")


class Rows(NamedTuple):
    """Row positions in the table, int64, of each split."""

    train: NDArray[np.int64]
    val: NDArray[np.int64]
    test: NDArray[np.int64]


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
    table = read_labels(data)
    if split.group_by is not None:
        hint = "To split by rows: split.group_by: null."
        require_column(table, split.group_by, data.labels, "split.group_by", hint)
        _require_groups(table, split.group_by, data, hint)
    rows = split_rows(table, split)
    parts = {name: table.iloc[at] for name, at in zip(SPLITS, rows, strict=True)}
    names = [image for part in parts.values() for image in part[data.image_column]]
    facts = examine_images(data.images, names, workers, progress)
    audit = audit_splits(parts, facts, data, split, rows_available=len(table))
    with ExitStack() as stack:  # all four are written before the first takes its place
        write_json(stack.enter_context(replacing(folder / "audit.json")), audit.as_json())
        for name, part in parts.items():
            path = stack.enter_context(replacing(folder / f"{name}.csv"))
            part.to_csv(path, index=False, lineterminator="\n")
    return audit


def _require_groups(table: pd.DataFrame, group_by: str, data: "Data", hint: str) -> None:
    """Rows without a group would all be one group, of rows that have nothing in common."""
    empty = canonical_names(table[group_by]) == ""
    if empty.any():
        images = table[data.image_column][empty].tolist()
        raise DataError(
            f"{data.labels}: column '{group_by}' (split.group_by) is empty in {len(images)} rows: "
            f"{listed(images)}. Give each a value. {hint}"
        )


def split_rows(table: pd.DataFrame, split: "Split") -> Rows:
    """Rows of `table` (with its `Disease` column) for each split, exactly as many as asked.

    By default whole groups and the table's prevalence in each split, in the table's order. With
    `group_by: null, stratify: false` the rows and order of NumPy's legacy shuffle (Lab 5):
    `np.random.seed(seed); idx = np.arange(n); np.random.shuffle(idx)`. Raises SplitError.
    """
    sizes = [split.train, split.val, split.test]
    disease = table[DISEASE].to_numpy()
    _require_enough(disease, sizes)
    random = np.random.RandomState(split.seed)
    if split.group_by is None and not split.stratify:
        order = np.arange(len(table))
        random.shuffle(order)
        rows = Rows(*np.split(order, np.cumsum(sizes))[:3])
    else:
        rows = _grouped(table, disease, split, sizes, random)
    _require_both_classes(disease, rows, split)
    return rows


def _grouped(
    table: pd.DataFrame,
    disease: NDArray[np.int64],
    split: "Split",
    sizes: list[int],
    random: np.random.RandomState,
) -> Rows:
    names = table.index if split.group_by is None else canonical_names(table[split.group_by])
    group_of, _ = pd.factorize(names)
    # Without stratification nothing counts as positive, and only the sizes have to come out.
    counted = disease if split.stratify else np.zeros_like(disease)
    groups = Groups(np.bincount(group_of), np.bincount(group_of, counted).astype(np.int64))
    if len(groups.rows) < len(sizes):
        raise SplitError(
            f"{len(sizes)} splits need at least {len(sizes)} different '{split.group_by}', "
            f"there are {len(groups.rows)}"
        )
    targets = stratified_targets(sizes, counted)
    chosen = assign(groups, sizes, targets, random)
    if chosen is None:
        raise _no_such_sizes(groups, sizes, split.group_by)
    return Rows(*(np.flatnonzero(np.isin(group_of, members)) for members in chosen))


def stratified_targets(sizes: Sequence[int], positive: NDArray[np.int64]) -> list[int]:
    """Positives in each split nearest to the table's share of them, at least one of each class.

    `positive` (rows,) is 1 or 0; it needs as many rows of each class as there are splits, unless it is all 0:
    then nothing is counted, and every target is 0.
    """
    total = positive.sum()
    if total == 0:
        return [0 for _ in sizes]
    quotas = np.asarray(sizes) * total / len(positive)
    targets = np.floor(quotas).astype(int)
    short = round(float(quotas.sum())) - targets.sum()
    targets[np.argsort(targets - quotas, kind="stable")[:short]] += 1
    targets = _none_empty(targets)
    targets = sizes - _none_empty(sizes - targets)  # the same for the negatives
    return [int(target) for target in targets]


def _none_empty(counts: NDArray[np.int_]) -> NDArray[np.int_]:
    """At least one in each split, taken where there are most; more in all only if none can spare one."""
    filled = np.maximum(counts, 1)
    for _ in range(int(filled.sum() - counts.sum())):
        if filled.max() > 1:
            filled[filled.argmax()] -= 1
    return filled


def _require_enough(disease: NDArray[np.int64], sizes: list[int]) -> None:
    asked = f"train {sizes[0]}, val {sizes[1]}, test {sizes[2]}"
    if len(disease) < sum(sizes):
        raise SplitError(
            f"{asked} are {sum(sizes)} rows, the table has {len(disease)}. Ask for fewer in 'split', "
            "or use more of the table (data.rows)."
        )
    counts = np.bincount(disease, minlength=2)
    if counts.min() == 0:
        raise SplitError(
            f"all {len(disease)} rows of the table are of class {disease[0]}; a split needs both "
            "classes. Use more of the table (data.rows), or check data.negative and data.positive."
        )
    if counts.min() < len(sizes):
        raise SplitError(
            f"only {_rows(int(counts.min()))} of class {counts.argmin()}; three splits need at least "
            f"{len(sizes)}, one each. Use more of the table (data.rows), or check data.negative and "
            "data.positive."
        )


def _rows(count: int) -> str:
    return f"{count} row" if count == 1 else f"{count} rows"


def _require_both_classes(disease: NDArray[np.int64], rows: Rows, split: "Split") -> None:
    hint = "choose another split.seed or larger splits"
    if not split.stratify:
        hint = f"set split.stratify: true, or {hint}"
    elif split.group_by is not None:
        # Stratification did what it could: the class is in too few groups.
        hint += f", or split by rows (split.group_by: null; now '{split.group_by}')"
    hint = hint[0].upper() + hint[1:]
    for name, at in zip(SPLITS, rows, strict=True):
        positives = int(disease[at].sum())
        if positives in {0, len(at)}:
            raise SplitError(
                f"{name}: all {len(at)} rows are of class {int(positives > 0)}; a split needs both "
                f"classes. {hint}."
            )


def _no_such_sizes(groups: Groups, sizes: list[int], group_by: str | None) -> SplitError:
    nearest = nearest_sizes(groups, sizes)
    near = (
        "No three splits of whole groups were found at all."
        if nearest is None
        else f"The nearest sizes are train {nearest[0]}, val {nearest[1]}, test {nearest[2]}."
    )
    return SplitError(
        f"train {sizes[0]}, val {sizes[1]}, test {sizes[2]} cannot be had exactly while each "
        f"'{group_by}' stays in one split: {int(groups.rows.sum())} rows of {len(groups.rows)} groups, "
        f"the largest of {int(groups.rows.max())} rows. {near} Ask for those in 'split', or split by "
        "rows (split.group_by: null)."
    )

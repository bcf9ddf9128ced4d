"""Errors for splits that are not possible, each with the sizes that would be."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bakeoff.data.optimum import Groups, nearest_sizes
from bakeoff.errors import SplitError
from bakeoff.wording import plural

if TYPE_CHECKING:
    from bakeoff.config.schema import Split

Sizes = dict[str, int]
"""How many rows each split is asked to have, by its name."""


def require_enough(disease: NDArray[np.int64], sizes: Sizes) -> None:
    """Raise SplitError unless there are rows for all splits, and a row of each class for each."""
    if len(disease) < sum(sizes.values()):
        raise SplitError(
            f"{in_words(sizes)} are {sum(sizes.values())} rows, the table has {len(disease)}. Ask for "
            "fewer in 'split', or use more of the table (data.rows)."
        )
    counts = np.bincount(disease, minlength=2)
    if counts.min() == 0:
        raise SplitError(
            f"all {len(disease)} rows of the table are of class {disease[0]}; a split needs both "
            "classes. Use more of the table (data.rows), or check data.negative and data.positive."
        )
    if counts.min() < len(sizes):
        raise SplitError(
            f"only {plural(int(counts.min()), 'row')} of class {counts.argmin()}; {_number(sizes)} splits "
            f"need at least {len(sizes)}, one each. Use more of the table (data.rows), or check "
            "data.negative and data.positive."
        )


def require_both_classes(classes: dict[str, NDArray[np.int64]], split: "Split") -> None:
    """Raise SplitError, with what could help, unless each split has rows of both classes."""
    hint = "choose another split.seed or larger splits"
    if split.given is not None:
        hint = f"correct the column '{split.given}' (split.given), or leave split.given out"
    elif not split.stratify:
        hint = f"set split.stratify: true, or {hint}"
    elif split.group_by is not None:
        # Stratification did what it could: the class is in too few groups.
        hint += f", or split by rows (split.group_by: null; now '{split.group_by}')"
    hint = hint[0].upper() + hint[1:]
    for name, disease in classes.items():
        positives = int(disease.sum())
        if positives in {0, len(disease)}:
            raise SplitError(
                f"{name}: all {len(disease)} rows are of class {int(positives > 0)}; a split needs both "
                f"classes. {hint}."
            )


def too_few_groups(groups: Groups, sizes: Sizes, group_by: str | None) -> SplitError:
    """There are fewer groups than splits."""
    return SplitError(
        f"{len(sizes)} splits need at least {len(sizes)} different '{group_by}', "
        f"there are {len(groups.rows)}"
    )


def no_such_sizes(groups: Groups, sizes: Sizes, group_by: str | None) -> SplitError:
    """Whole groups do not add up to the sizes; the message names the nearest that they do add up to."""
    nearest = nearest_sizes(groups, list(sizes.values()))
    near = (
        f"No {_number(sizes)} splits of whole groups were found at all."
        if nearest is None
        else f"The nearest sizes are {in_words(dict(zip(sizes, nearest, strict=True)))}."
    )
    return SplitError(
        f"{in_words(sizes)} cannot be had exactly while each "
        f"'{group_by}' stays in one split: {int(groups.rows.sum())} rows of {len(groups.rows)} groups, "
        f"the largest of {int(groups.rows.max())} rows. {near} Ask for those in 'split', or split by "
        "rows (split.group_by: null)."
    )


def in_words(sizes: Sizes) -> str:
    """The sizes as text: `train 600, val 200, test 200`."""
    return ", ".join(f"{name} {size}" for name, size in sizes.items())


def _number(sizes: Sizes) -> str:
    return {2: "two", 3: "three"}.get(len(sizes), str(len(sizes)))

"""Errors for splits that are not possible, each with the sizes that would be."""

from typing import TYPE_CHECKING

from bakeoff.data.optimum import Groups, nearest_sizes
from bakeoff.errors import SplitError
from bakeoff.task.classification import ClassificationTask, Labels
from bakeoff.wording import listed, plural

if TYPE_CHECKING:
    from bakeoff.config.schema import Data, Split

Sizes = dict[str, int]
"""How many rows each split is asked to have, by its name."""


USE_MORE = "use more of the table (data.rows)"
"""What helps where the rows of a table are too few."""


def more_of(data: "Data") -> str:
    """What helps where rows are too few: class folders have no table of which more could be used."""
    return "add images" if data.labels is None else USE_MORE


def require_enough(
    labels: Labels, sizes: Sizes, task: ClassificationTask, more: str = USE_MORE
) -> None:
    """Raise SplitError unless there are rows for all splits, and of each class for each of them.

    `more` is what helps.
    """
    if len(labels) < sum(sizes.values()):
        raise SplitError(
            f"{in_words(sizes)} are {sum(sizes.values())} rows, there are {len(labels)}. Ask for "
            f"fewer in 'split', or {more}."
        )
    counts, least = task.required(labels), task.least(len(sizes))
    rare = [(name, count) for name, count in counts.items() if count < least]
    if not rare:
        return
    absent = [repr(name) for name, count in rare if not count]
    named = [
        f"{plural(count, 'row')} of {task.label_noun} {name!r}" for name, count in rare if count
    ]
    found = " and ".join(
        [f"no row of {task.label_noun} {listed(absent)}"] * bool(absent)
        + [f"only {listed(named)}"] * bool(named)
    )
    needed = (
        f"{_number(sizes)} splits need at least {least}, one each"
        if least > 1
        else "training needs one"
    )
    raise SplitError(
        f"{found}, of {len(labels)}; {needed}. {more[0].upper()}{more[1:]}, or check {task.label_keys}. "
        f"{task.way_out_of_rare([name for name, count in rare if count])}".rstrip()
    )


def require_room(labels: Labels, sizes: Sizes, task: ClassificationTask) -> None:
    """Raise SplitError where a split has fewer rows than classes that must be in each: no seed helps."""
    counts = task.required(labels)
    name, smallest = min(sizes.items(), key=lambda split: split[1])
    if task.least(len(sizes)) > 1 and smallest < len(counts):
        raise SplitError(
            f"{len(counts)} {task.label_nouns}, each of which must be in every split, but {name} has "
            f"{plural(smallest, 'image')}. Make it larger in 'split', or check {task.label_keys}."
        )


def require_labels(
    labels: dict[str, Labels], task: ClassificationTask, split: "Split", drawn: bool = True
) -> None:
    """Raise SplitError, with what could help, unless each split has the classes that the task needs there."""
    hint = "choose another split.seed or larger splits"
    if split.given is not None:
        hint = f"correct {split.given.words} (split.given), or leave split.given out"
    elif not split.stratify:
        hint = f"set split.stratify: true, or {hint}"
    elif split.group_by is not None:
        # Stratification did what it could: the class is in too few groups.
        hint += f", or split by rows (split.group_by: null; now '{split.group_by}')"
    hint = hint[0].upper() + hint[1:]
    for name, there in labels.items():
        if missing := task.missing_from(name, there, drawn):
            raise SplitError(
                f"{name}: none of its {len(there)} rows is of {task.label_noun} "
                f"{listed([repr(one) for one in missing])}, and some must be"
                f"{_elsewhere(missing, name, labels, task)}. {hint}."
            )
        if reason := task.unevaluable(there):
            raise SplitError(f"{name}: {reason}. {hint}.")


def _elsewhere(
    missing: list[str], lacking: str, labels: dict[str, Labels], task: ClassificationTask
) -> str:
    """Which other splits have rows of what a split lacks; empty where none has."""
    having = [
        f"{other} has {total}"
        for other, there in labels.items()
        if other != lacking and (total := sum(task.required(there)[name] for name in missing))
    ]
    return f" ({', '.join(having)})" if having else ""


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

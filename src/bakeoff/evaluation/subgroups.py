"""Variants on subgroups of the test images, and the differences between the subgroups of a column.

A patient may be in two subgroups of a column, with an image from the front and one from behind: all figures
take the same draws of patients. The p values of all differences, over columns and variants, are one family,
corrected by Holm's method.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

from bakeoff.evaluation.conclusion.joint_errors import Figures, joint_errors
from bakeoff.evaluation.conclusion.pairs import holm
from bakeoff.evaluation.intervals import difference_interval
from bakeoff.evaluation.metrics import metric_interval
from bakeoff.evaluation.predictions import Predictions
from bakeoff.evaluation.seed_figures import (
    PatientDraws,
    Thresholds,
    part_of,
    seed_figures,
)
from bakeoff.task.classification import Metric
from bakeoff.task.measures import measures_of

FEWEST = 10
"""Patients (images, where none are named) below which a subgroup gets counts and no figure.

And no difference is tested where fewer are of a class that the metric is about: with 1 positive in a subgroup
44 % of differences were more than chance explains where nothing differed, with 10 positives 5 %.
"""

Tests = Sequence[tuple[Predictions, Thresholds]]
"""A variant's test predictions by seed, with the thresholds of each."""


@dataclass(frozen=True)
class GroupSize:
    """A subgroup: a column and its value, and how many images and patients are in it.

    rarest: of the test images' classes or findings the one that fewest here have; positives: how many have
    it; scored: how many classes or findings a mean over them is of here.
    """

    column: str
    value: str
    images: int
    patients: int
    rarest: str
    positives: int
    scored: int


@dataclass(frozen=True)
class Group:
    """A subgroup with its members among the test images (n,)."""

    size: GroupSize
    members: NDArray[np.bool_]


@dataclass(frozen=True)
class GroupFigure:
    """A variant in a subgroup, mean over seeds; NaN where too few are in it, or an end is not known."""

    value: float
    low: float
    high: float

    @property
    def too_few(self) -> bool:
        """Whether there is no figure."""
        return not np.isfinite(self.value)


@dataclass(frozen=True)
class GroupDifference:
    """A variant's difference between two subgroups of a column, first less second.

    p: of this one alone; p_holm: of all differences of the section together.
    """

    variant: str
    column: str
    first: str
    second: str
    difference: float
    low: float
    high: float
    p: float
    p_holm: float


@dataclass(frozen=True)
class GroupFigures:
    """The figures by variant, one for each group in their order; and every difference that can be told.

    rarest: of each group how many patients its rarest class has that the metric is about; None where the
    metric is about images, or the group has no figure.
    """

    figures: dict[str, list[GroupFigure]]
    differences: list[GroupDifference]
    rarest: list[int | None]


def group_of(column: str, value: str, members: NDArray[np.bool_], test: Predictions) -> Group:
    """The subgroup of the members (n,) of the test images."""
    views = list(test.task.one_vs_rest(test.labels, test.scores))
    counts = [(int(v.labels[members].sum()), v.name) for v in views if v.labels.any()]
    images = int(members.sum())
    positives, rarest = min(counts, default=(0, ""))
    size = GroupSize(
        column=column,
        value=value,
        images=images,
        patients=len(np.unique(test.units[members])),
        rarest=rarest,
        positives=positives,
        scored=sum(0 < count < images for count, _ in counts),
    )
    return Group(size, members)


def figures_in(
    groups: Sequence[Group], variants: Mapping[str, Tests], metric: Metric
) -> GroupFigures:
    """Every variant in every group, with intervals over patients and seeds, and the differences."""
    first = next(iter(variants.values()))[0][0]
    draws = PatientDraws(first.units)
    of_group = [
        {
            name: seed_figures(name, tests, metric, draws, group.members)
            for name, tests in variants.items()
        }
        if group.size.patients >= FEWEST
        else {}
        for group in groups
    ]
    figures: dict[str, list[GroupFigure]] = {name: [] for name in variants}
    for group, own in zip(groups, of_group, strict=True):
        for name, figure in _estimated(own, group, metric, first).items():
            figures[name].append(figure)
        for name in set(variants) - {one for one in own if np.isfinite(own[one].mean)}:
            figures[name].append(GroupFigure(np.nan, np.nan, np.nan))
    rarest = [
        _rarest(metric, part_of(first, group.members)) if own else None
        for group, own in zip(groups, of_group, strict=True)
    ]
    differences = []
    for i, j in combinations(range(len(groups)), 2):
        fewest = min(
            n for at in (i, j) for n in (rarest[at], groups[at].size.patients) if n is not None
        )
        if groups[i].size.column == groups[j].size.column and fewest >= FEWEST:
            pair = (groups[i], of_group[i]), (groups[j], of_group[j])
            differences += _differences(*pair, fewest)
    return GroupFigures(figures, _corrected(differences), rarest)


def _rarest(metric: Metric, test: Predictions) -> int | None:
    return measures_of(test.task).rarest(metric.name, test.labels, test.units)


def _estimated(
    own: Mapping[str, Figures], group: Group, metric: Metric, test: Predictions
) -> dict[str, GroupFigure]:
    there = [one for one in own.values() if np.isfinite(one.mean)]
    if not there:
        return {}
    errors = joint_errors(there, group.size.patients)
    within = part_of(test, group.members)
    found = {}
    for at, one in enumerate(there):
        ends = metric_interval(metric, one.mean, *errors.mean_error(at), within)
        low, high = ends or (np.nan, np.nan)
        found[one.name] = GroupFigure(one.mean, low, high)
    return found


def _differences(
    first: tuple[Group, Mapping[str, Figures]],
    second: tuple[Group, Mapping[str, Figures]],
    fewest: int,
) -> list[GroupDifference]:
    one, own = first[0].size, first[1]
    other, others = second[0].size, second[1]
    gaps = [
        _less(own[name], others[name])
        for name in own
        if name in others and np.isfinite(own[name].mean - others[name].mean)
    ]
    if not gaps:
        return []
    errors = joint_errors(gaps, fewest)
    found = []
    for at, gap in enumerate(gaps):
        error, degrees = errors.mean_error(at)
        ends = difference_interval(gap.mean, error, degrees)
        if ends is None:  # no draw moves either
            continue
        p = float(2 * stdtr(min(degrees, 1e9), -abs(gap.mean) / error))
        names = (gap.name, one.column, one.value, other.value)
        found.append(GroupDifference(*names, gap.mean, *ends, p, np.nan))
    return found


def _less(one: Figures, other: Figures) -> Figures:
    floor = float(np.hypot(one.floor, other.floor))
    return Figures(one.name, one.values - other.values, one.drawn - other.drawn, floor)


def _corrected(differences: Sequence[GroupDifference]) -> list[GroupDifference]:
    """With the p values of all of them together."""
    if not differences:
        return []
    adjusted = holm(np.array([one.p for one in differences]))
    return [
        GroupDifference(**(vars(one) | {"p_holm": float(p)}))
        for one, p in zip(differences, adjusted, strict=True)
    ]

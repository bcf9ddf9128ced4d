"""Subgroups of the test images: each variant in each of them, and which differences are more than chance."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from bakeoff.config.schema import Subgroup
from bakeoff.data.csv_table import read_text
from bakeoff.data.subgroups import Column, subgroups_of
from bakeoff.errors import BakeoffError
from bakeoff.evaluation.intervals import LEVEL
from bakeoff.evaluation.predictions import Predictions
from bakeoff.evaluation.subgroups import (
    FEWEST,
    Group,
    GroupDifference,
    GroupFigure,
    GroupSize,
    Tests,
    figures_in,
    group_of,
)
from bakeoff.layout import IMAGE, Layout
from bakeoff.report.evidence import Evidence
from bakeoff.report.rare import TOO_FEW


@dataclass(frozen=True)
class Subgroups:
    """The figures by variant, in the report's order, one for each group.

    few: of each group, in words, that too few are of a class to test a difference, or empty; without: by
    column how many test images have no value in it, where any has none; left_out: columns that make no
    subgroups, with the reason; absent: why there is nothing, in words.
    """

    groups: list[GroupSize]
    figures: dict[str, list[GroupFigure]]
    differences: list[GroupDifference]
    few: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    without: dict[str, int] = field(default_factory=dict)
    absent: str = ""
    fewest: int = FEWEST

    @property
    def told(self) -> list[GroupDifference]:
        """The differences that are more than chance explains, all of them counted."""
        return [one for one in self.differences if one.p_holm <= 1 - LEVEL]

    @property
    def untested(self) -> list[str]:
        """The subgroups that have figures and too few of a class for a test, with their counts."""
        return [
            f"{group.column}, {group.value} ({few.partition(': ')[2]})"
            for group, few in zip(self.groups, self.few, strict=True)
            if few
        ]

    @property
    def uneven(self) -> bool:
        """Whether means are over more classes or findings in one subgroup than in another."""
        return len({group.scored for group in self.groups}) > 1


def subgroups(evidence: Evidence, asked: Sequence[Subgroup] | None = None) -> Subgroups:
    """The subgroups that are asked for, by default sex, age and view as far as the table has them."""
    variants: dict[str, Tests] = {
        name: tests for name, runs in evidence.finished() if (tests := evidence.tests_of(runs))
    }
    if not variants:
        return _nothing("no run has predictions")
    if asked is not None and not asked:
        return _nothing("none are asked for (compare.subgroups: [])")
    test = next(iter(variants.values()))[0][0]
    try:
        columns = subgroups_of(_rows(evidence, test), asked)
    except (OSError, KeyError, ValueError, BakeoffError) as error:
        return _nothing(f"the table of the test split cannot be used: {error}")
    left_out = [f"{column.name} ({column.problem})" for column in columns if column.problem]
    groups = [group for column in columns for group in _groups(column, test)]
    if not groups:
        known = "the table has no column of sex, age or view; compare.subgroups can name others"
        return _nothing(known if asked is None else "; ".join(left_out))
    found = figures_in(groups, variants, evidence.metric)
    sizes = [group.size for group in groups]
    few = [
        f"{TOO_FEW}: {rarest} of {size.patients}" if rarest is not None and rarest < FEWEST else ""
        for size, rarest in zip(sizes, found.rarest, strict=True)
    ]
    empty = {column.name: int((column.of == "").sum()) for column in columns if column.names}
    without = {name: count for name, count in empty.items() if count}
    return Subgroups(sizes, found.figures, found.differences, few, left_out, without)


def _nothing(reason: str) -> Subgroups:
    return Subgroups([], {}, [], absent=reason)


def _rows(evidence: Evidence, test: Predictions) -> pd.DataFrame:
    """The rows of the test split's table, in the order of the predictions."""
    frame, _ = read_text(Layout(evidence.results).split("test"))
    column = str(evidence.data.get("image_column", IMAGE))
    frame = frame.set_index(column if column in frame else frame.columns[0], drop=False)
    if absent := set(test.images) - set(frame.index):
        raise ValueError(f"{len(absent)} test images are not in it, for example {min(absent)}")
    return frame.reindex(test.images.tolist())


def _groups(column: Column, test: Predictions) -> list[Group]:
    values = column.of.to_numpy()
    return [
        group_of(column.name, name, np.asarray(values == name, dtype=np.bool_), test)
        for name in column.names
    ]

"""The split of a drafted configuration: one that the data brings along, or sizes that can be had exactly."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from bakeoff.config.schema import Split
from bakeoff.data.draft_sources import Source, experiment_of
from bakeoff.data.drawing import Rows
from bakeoff.data.guess import sizes
from bakeoff.data.optimum import Groups, nearest_sizes
from bakeoff.data.patients import canonical_names
from bakeoff.data.splits import SplitInspection, inspect_split
from bakeoff.errors import ValidationMissingError

SHARE = 0.2
"""Of the training images of a split that comes without validation."""


class Drawn(NamedTuple):
    """The section `split`, words for it, rows to train on, and splits that came along but are refused."""

    section: dict[str, Any]
    words: str
    train: int
    refused: list[tuple[dict[str, Any], str]]


def split_of(source: Source, sections: Mapping[str, Any]) -> Drawn:
    """A split for what `sections`, task and data, say: the first of the source's own that is not refused."""
    refused = []
    for given in source.given:
        section: dict[str, Any] = {"given": given}
        found, split = _inspected(section, sections)
        if isinstance(found.error, ValidationMissingError):
            section["val"] = SHARE
            found, split = _inspected(section, sections)
        if found.rows is not None:
            return _given(section, found.rows, split)
        # Without a reason the labels are wrong, and nobody knows yet of the split.
        if why := " ".join(one.text for one in found.problems if one.key == "split.given"):
            refused.append((section, why))
    train, val, test = _sizes(source)
    words = f"drawn: {train:,} to train on, {val:,} to validate, {test:,} to test"
    return Drawn({"train": train, "val": val, "test": test}, words, train, refused)


def _inspected(
    section: Mapping[str, Any], sections: Mapping[str, Any]
) -> tuple[SplitInspection, Split]:
    experiment = experiment_of({**sections, "split": section})
    return inspect_split(experiment.data, experiment.split), experiment.split


def _given(section: dict[str, Any], rows: Rows, split: Split) -> Drawn:
    assert split.given is not None
    train, val, test = map(len, rows)
    cut = "cut from these " if "val" in section else ""
    words = (
        f"by {split.given.words}: {train:,} to train on, {val:,} {cut}to validate, {test:,} to test"
    )
    return Drawn(section, words, train, [])


def _sizes(source: Source) -> tuple[int, int, int]:
    """Sizes that come out exactly with whole patients, also with those that file names may tell."""
    asked = sizes(len(source.frame))
    if source.people.of_row is None:
        return asked
    groups = np.bincount(pd.factorize(canonical_names(source.people.of_row))[0])
    near = nearest_sizes(Groups(groups, np.zeros_like(groups)), list(asked))
    return asked if near is None else (near[0], near[1], near[2])

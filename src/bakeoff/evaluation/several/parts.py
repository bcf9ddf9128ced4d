"""One of the ways in which the data is split: what is known of its split, its runs and its comparison."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import TypeAdapter, ValidationError

from bakeoff.errors import EvaluationError
from bakeoff.evaluation.competitors import Competitor, read_competitors
from bakeoff.evaluation.conclusion.conclusion import Conclusion
from bakeoff.evaluation.intervals import Floats
from bakeoff.evaluation.predictions import Predictions
from bakeoff.evaluation.scored import figure
from bakeoff.files import read_json
from bakeoff.layout import Layout
from bakeoff.task.classification import ClassificationTask, Metric

Expected = Sequence[tuple[str, Sequence[int]]]
"""Every variant with its seeds."""


@dataclass(frozen=True)
class Shared:
    """Patients of the test images that are trained on as well, and their share of the test images."""

    patients: int
    share: float


@dataclass(frozen=True)
class Figure:
    """A competitor's figure on the test images of one part: the mean over its seeds with its interval."""

    kind: str
    name: str
    seeds: int
    mean: float | None
    low: float | None
    high: float | None
    missing: str


@dataclass(frozen=True)
class PartOverview:
    """What is said of one part.

    images: in each split, patients: in the test split; shared: None where nobody is named. conclusion: None
    where no run has finished.
    """

    name: str
    images: dict[str, int]
    patients: int | None
    shared: Shared | None
    figures: tuple[Figure, ...]
    conclusion: Conclusion | None


@dataclass(frozen=True)
class Part(PartOverview):
    """A part with its runs, from its results folder."""

    variants: tuple[Competitor, ...]

    @property
    def test(self) -> Predictions | None:
        """The test predictions of one run: all have the same images."""
        return next((one.entries[0].test for one in self.variants if one.entries), None)

    def by_seed(self, variant: str, metric: Metric) -> Floats:
        """A variant's test figure by seed, (k,); empty where none has finished."""
        found = next(one for one in self.variants if one.name == variant)
        return np.array([figure(entry, "test", metric.name) for entry in found.entries], float)


def read_parts(
    parts: Iterable[tuple[str, Path, Expected]], task: ClassificationTask, metric: Metric
) -> list[Part]:
    """The parts with their names and results folders.

    Raises EvaluationError that names the part where its split or its comparison is not there.
    """
    return [_read(name, Layout(root), expected, task, metric) for name, root, expected in parts]


def _read(
    name: str, layout: Layout, expected: Expected, task: ClassificationTask, metric: Metric
) -> Part:
    try:
        audit = read_json(layout.audit)
        table = pd.read_csv(layout.comparison, dtype={"variant": str, "missing": str})
        told: Conclusion | None = TypeAdapter(Conclusion | None).validate_json(
            layout.conclusion.read_bytes()
        )
        images = {split: int(rows["rows"]) for split, rows in audit["splits"].items()}
        patients = audit["splits"]["test"]["patients"]
    except FileNotFoundError as error:
        raise EvaluationError(
            f"{error.filename}: is not there, so split '{name}' cannot be compared with the others. "
            f"Make it: bakeoff compare … --set split.part={name}"
        ) from None
    except (json.JSONDecodeError, ValidationError, KeyError, TypeError, ValueError) as error:
        raise EvaluationError(
            f"{layout.root}: the results of split '{name}' cannot be read ({error}). Run bakeoff compare "
            f"with --set split.part={name} again."
        ) from None
    if told is not None and told.metric != metric.name:
        raise EvaluationError(
            f"{layout.conclusion}: compares by {told.metric}, and now it is to be {metric.name}. Run bakeoff "
            f"compare with --set split.part={name} again."
        )
    competitors = read_competitors(layout.root, expected, task)
    return Part(
        name=name,
        images=images,
        patients=None if patients is None else int(patients),
        shared=_shared(audit),
        figures=tuple(_figure(row, metric) for row in table.to_dict("records")),
        conclusion=told,
        variants=tuple(one for one in competitors if one.kind == "variant"),
    )


def _shared(audit: dict[str, Any]) -> Shared | None:
    for overlap in audit.get("overlaps", []):
        if {overlap["first"], overlap["second"]} == {"train", "test"}:
            if overlap["patients"] is None:
                return None
            return Shared(int(overlap["patients"]), float(overlap["share"]))
    return None


def _figure(row: dict[Any, Any], metric: Metric) -> Figure:
    def known(value: Any) -> float | None:
        return float(value) if isinstance(value, float) and np.isfinite(value) else None

    mean, low, high = (
        known(row.get(f"test_{metric.name}_{end}")) for end in ("mean", "low", "high")
    )
    missing = row["missing"] if isinstance(row["missing"], str) else ""
    return Figure(row["kind"], row["variant"], int(row["seeds_finished"]), mean, low, high, missing)

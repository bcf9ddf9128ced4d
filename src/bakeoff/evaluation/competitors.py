"""The competitors of a comparison, read from their results: variants with their seeds, and the baselines."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from bakeoff.errors import EvaluationError
from bakeoff.evaluation.predictions import Predictions, read_predictions
from bakeoff.files import read_json
from bakeoff.layout import Layout
from bakeoff.task.classification import ClassificationTask
from bakeoff.task.measures import measures_of
from bakeoff.task.names import BASELINES

SPLITS = ("val", "test")


@dataclass(frozen=True)
class Entry:
    """One finished run (or baseline): its metrics.json, run.json and test predictions."""

    folder: Path
    metrics: dict[str, Any]
    record: dict[str, Any]  # run.json; empty for a baseline
    test: Predictions


@dataclass(frozen=True)
class Competitor:
    """A variant over its seeds, or a baseline (one entry, no seeds)."""

    kind: Literal["variant", "baseline"]
    name: str
    expected: int
    entries: tuple[Entry, ...]
    missing: str  # the seeds not finished, or why a baseline is absent; empty when all are there


def read_competitors(
    results: Path,
    expected: Sequence[tuple[str, Sequence[int]]],
    task: ClassificationTask | None = None,
) -> list[Competitor]:
    """Every variant with its finished seeds, then the baselines; of a task, by default a binary one.

    Raises EvaluationError if predictions are of different images, or metrics of earlier predictions.
    """
    competitors = [_variant(results, name, seeds, task) for name, seeds in expected]
    competitors += [_baseline(results, name, task) for name in BASELINES]
    _require_same_images(competitors)
    return competitors


def is_evaluated(folder: Path) -> bool:
    """True if the predictions and metrics of a run or baseline are there."""
    predictions = (folder / "predictions" / f"{split}.csv" for split in SPLITS)
    return (folder / "metrics.json").exists() and all(path.exists() for path in predictions)


def _variant(
    results: Path, name: str, seeds: Sequence[int], task: ClassificationTask | None
) -> Competitor:
    # A run that trains anew has no run.json yet; metrics that are there are of the run before.
    runs = {seed: Layout(results).run(name, seed) for seed in seeds}
    done = {
        seed: run for seed, run in runs.items() if run.run_json.exists() and is_evaluated(run.path)
    }
    absent = [str(seed) for seed in seeds if seed not in done]
    entries = tuple(_read(run.path, task) for run in done.values())
    return Competitor("variant", name, len(seeds), entries, ", ".join(absent))


def _baseline(results: Path, name: str, task: ClassificationTask | None) -> Competitor:
    folder = results / "baselines" / name
    if is_evaluated(folder):
        return Competitor("baseline", name, 1, (_read(folder, task),), "")
    reason = "not computed"
    if (folder / "metrics.json").exists():
        reason = str(_json(folder / "metrics.json").get("missing", reason))
    return Competitor("baseline", name, 1, (), reason)


def _read(folder: Path, task: ClassificationTask | None) -> Entry:
    metrics = _json(folder / "metrics.json")
    record = _json(folder / "run.json") if (folder / "run.json").exists() else {}
    entry = Entry(
        folder, metrics, record, read_predictions(folder / "predictions" / "test.csv", task)
    )
    try:
        selected = metrics["val"][entry.test.task.metric().name]
        described = (metrics["test"]["n"], metrics["test"]["prevalence"], selected)
    except (KeyError, TypeError):
        raise EvaluationError(
            f"{folder / 'metrics.json'}: not the metrics of a run. Delete it and evaluate again."
        ) from None
    measured = measures_of(entry.test.task).prevalence(entry.test.labels)
    if described[:2] != (len(entry.test.labels), measured):
        raise EvaluationError(
            f"{folder / 'metrics.json'}: about {described[0]} test images, but "
            f"{entry.test.path.name} has {len(entry.test.labels)}. Evaluate again."
        )
    return entry


def _json(path: Path) -> dict[str, Any]:
    try:
        value = read_json(path)
    except json.JSONDecodeError as error:
        raise EvaluationError(f"{path}: not JSON ({error}). Delete it and run again.") from None
    if not isinstance(value, dict):
        raise EvaluationError(f"{path}: expected a JSON object. Delete it and run again.")
    return value


def _require_same_images(competitors: Sequence[Competitor]) -> None:
    reference: Predictions | None = None
    for test in _tests(competitors):
        if reference is None:
            reference = test
            continue
        if differing := set(test.images) ^ set(reference.images):
            raise EvaluationError(
                f"{test.path}: not about the same test images as {reference.path} "
                f"({len(differing)} images are in one only, for example {min(differing)}). "
                "The split has changed: train these runs again."
            )
        if not (
            np.array_equal(test.labels, reference.labels)
            and np.array_equal(test.units, reference.units)
        ):
            raise EvaluationError(
                f"{test.path}: other labels or patients than {reference.path} for the same "
                "images. The label table has changed: train these runs again."
            )


def _tests(competitors: Sequence[Competitor]) -> Iterator[Predictions]:
    for competitor in competitors:
        for entry in competitor.entries:
            yield entry.test

"""From the predictions of a run to its metrics.json: figures by scikit-learn, each with an interval."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bakeoff.errors import EvaluationError
from bakeoff.evaluation import intervals
from bakeoff.evaluation.intervals import Floats, Interval
from bakeoff.evaluation.predictions import Predictions, read_predictions
from bakeoff.files import write_json, write_text
from bakeoff.task.classification import ClassificationTask, Metric, OneVsRest
from bakeoff.task.measures import measures_of, units_of_sides
from bakeoff.task.resampled_metrics import auroc, average_precision

CONFUSION = "confusion.csv"
"""The confusion matrix of the test images as a table, for people and for MLflow's pages."""

OF_ONE = {"auroc": auroc, "average_precision": average_precision}
"""The figures of each class or finding that get an interval of their own."""

FEWEST = 5
"""Units of the rarer class below which a figure of both classes has no interval.

Resamples of one or two positives show next to nothing of what others would have brought. From 5 on, with the
degrees of freedom of the rarer class, an AUROC's interval covers the truth 94 to 97 % of the time.
"""


def evaluate_predictions(
    run_folder: Path, task: ClassificationTask | None = None
) -> dict[str, Any]:
    """Write `metrics.json` of a run or baseline from its `predictions/{val,test}.csv`; return it.

    A task with a confusion matrix gets `confusion.csv` too: a row for what images are, a column for what
    they are called.

    Every choice (the threshold) is made on validation; the task is by default a binary one. Raises
    EvaluationError naming the file.
    """
    val = read_predictions(run_folder / "predictions" / "val.csv", task)
    test = read_predictions(run_folder / "predictions" / "test.csv", task)
    if shared := sorted(set(val.images) & set(test.images)):
        raise EvaluationError(
            f"{test.path}: {len(shared)} images are also in {val.path}, for example {shared[0]}. "
            "A threshold chosen on test images says nothing about new ones: split again."
        )
    measures = measures_of(val.task)
    thresholds = measures.thresholds(val.labels, val.scores)
    details = _details(test, thresholds)
    metrics = {
        "threshold": measures.threshold_record(thresholds),
        "interval": {
            "level": intervals.LEVEL,
            "method": f"{test.unit}-clustered bootstrap standard error, logit scale",
            "method_for_perfect_figures": "Wilson (shares), Newcombe 5 (AUROC); null for the rest",
            "unit": test.unit,
            "units": test.unit_count,
            "resamples": intervals.RESAMPLES,
            "seed": intervals.SEED,
        },
        "val": describe(val) | score(val, thresholds),
        "test": describe(test)
        | score(test, thresholds)
        | {"intervals": _metric_intervals(test, thresholds)}
        | details,
    }
    if "confusion" in details:
        table = pd.DataFrame(details["confusion"], test.task.scored, test.task.scored)
        write_text(run_folder / CONFUSION, table.to_csv(index_label="is"))
    write_json(run_folder / "metrics.json", metrics)
    return metrics


def describe(predictions: Predictions) -> dict[str, Any]:
    """The numbers of images and patients, and the share of each class or finding."""
    return {
        "n": len(predictions.labels),
        "patients": predictions.unit_count if predictions.by_patient else None,
        "prevalence": measures_of(predictions.task).prevalence(predictions.labels),
    }


def score(predictions: Predictions, thresholds: dict[str, float]) -> dict[str, float | None]:
    """Every metric of the task, with thresholds chosen elsewhere; None where it is not defined."""
    measures = measures_of(predictions.task)
    values = measures.values(predictions.labels, predictions.scores, thresholds)
    return {name: value if np.isfinite(value) else None for name, value in values.items()}


def _metric_intervals(
    test: Predictions, thresholds: dict[str, float]
) -> dict[str, list[float] | None]:
    """The interval of each metric over resampled test patients; None where none can be given."""
    over = resampled(test, thresholds, test.task.metric_names)
    found: dict[str, list[float] | None] = {}
    for name, value in score(test, thresholds).items():
        interval = None
        if value is not None:
            metric = test.task.metric(name)
            error = intervals.standard_error(over[name])
            interval = metric_interval(metric, value, error, test.unit_count - 1, test)
        found[name] = None if interval is None else list(interval)
    return found


def resampled(
    test: Predictions, thresholds: dict[str, float], names: Sequence[str]
) -> dict[str, Floats]:
    """The named metrics over the resamples of the test patients: (resamples,) each."""
    measures = measures_of(test.task)
    chunks = [
        measures.resampled(test.labels, test.scores, thresholds, chunk, names)
        for chunk in intervals.resample_weights(test.units)
    ]
    return {name: np.concatenate([chunk[name] for chunk in chunks]) for name in names}


def metric_interval(
    metric: Metric, value: float, error: float, degrees: float, test: Predictions | None
) -> Interval | None:
    """The interval of a metric with this standard error, inside what the metric can be; None if unknown.

    The predictions say how many units of a class it rests on, and are needed where the value is perfect.
    """
    if test is not None:
        sides = measures_of(test.task).sides(metric.name, test.labels, test.units)
        if too_few(sides):
            return None
        degrees = min([degrees, *(side - 1.0 for side in sides)])
    if not metric.bounded:
        return intervals.positive_interval(value, error, degrees)
    if value not in (0.0, 1.0):
        return intervals.share_interval(value, error, degrees)
    return None if test is None else _perfect_interval(metric, value, test)


def too_few(sides: tuple[int, ...]) -> bool:
    """Whether a figure of both classes, of so many units each, can have no interval."""
    return len(sides) > 1 and min(sides) < FEWEST


def _perfect_interval(metric: Metric, value: float, test: Predictions) -> Interval | None:
    """Of a figure that is equal in every resample, so that their spread is zero."""
    support = measures_of(test.task).support(metric.name, test.labels, test.units)
    match support:
        case (units,):
            return intervals.perfect_share_interval(value, units)
        case (positives, negatives):
            return intervals.perfect_auroc_interval(value, positives, negatives)
    return None


def perfect_error(metric: Metric, mean: float, test: Predictions) -> float:
    """The standard error of a perfect figure, which no resample moves, from its interval; else 0."""
    if not metric.bounded or mean not in (0.0, 1.0):
        return 0.0
    found = _perfect_interval(metric, mean, test)
    return 0.0 if found is None else (found.high - found.low) / intervals.quantile(np.inf)


def _details(test: Predictions, thresholds: dict[str, float]) -> dict[str, Any]:
    """The task's figures for each class or finding, those of OF_ONE with intervals; confusion."""
    details = measures_of(test.task).details(test.labels, test.scores, thresholds)
    views = [
        view
        for view in test.task.one_vs_rest(test.labels, test.scores)
        if view.name in details.get("classes", {}) and 0 < view.labels.sum() < len(view.labels)
    ]
    drawn: dict[tuple[str, str], list[Floats]] = {}
    for chunk in intervals.resample_weights(test.units) if views else ():
        for view in views:
            for name, function in OF_ONE.items():
                values = function(view.labels, view.scores, chunk)
                drawn.setdefault((view.name, name), []).append(values)
    for view in views:
        figures = details["classes"][view.name]
        figures["intervals"] = {
            name: _of_one(view, name, figures[name], np.concatenate(drawn[view.name, name]), test)
            for name in OF_ONE
        }
    return details


def _of_one(
    view: OneVsRest, name: str, value: float, drawn: Floats, test: Predictions
) -> list[float] | None:
    sides = units_of_sides(view.labels, test.units)
    if too_few(sides):
        return None
    if value in (0.0, 1.0):
        return list(intervals.perfect_auroc_interval(value, *sides)) if name == "auroc" else None
    error = intervals.standard_error(drawn)
    interval = intervals.share_interval(value, error, min(sides) - 1)
    return None if interval is None else list(interval)

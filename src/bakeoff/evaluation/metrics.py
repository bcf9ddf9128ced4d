"""From the predictions of a run to its metrics.json: figures by scikit-learn, each with an interval."""

from pathlib import Path
from typing import Any

from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    balanced_accuracy_score,
    brier_score_loss,
    recall_score,
    roc_auc_score,
)

from bakeoff.errors import EvaluationError
from bakeoff.evaluation import intervals
from bakeoff.evaluation.predictions import Predictions, read_predictions
from bakeoff.files import write_json
from bakeoff.task import resampled_metrics
from bakeoff.task.thresholds import CRITERION, choose_threshold


def evaluate_predictions(run_folder: Path) -> dict[str, Any]:
    """Write `metrics.json` of a run or baseline from its `predictions/{val,test}.csv`; return it.

    Every choice (the threshold) is made on validation. Raises EvaluationError naming the file.
    """
    val = read_predictions(run_folder / "predictions" / "val.csv")
    test = read_predictions(run_folder / "predictions" / "test.csv")
    if shared := sorted(set(val.images) & set(test.images)):
        raise EvaluationError(
            f"{test.path}: {len(shared)} images are also in {val.path}, for example {shared[0]}. "
            "A threshold chosen on test images says nothing about new ones: split again."
        )
    threshold = choose_threshold(val.labels, val.scores)
    metrics = {
        "threshold": {"value": threshold, "criterion": CRITERION},
        "interval": {
            "level": intervals.LEVEL,
            "method": f"{test.unit}-clustered bootstrap standard error, logit scale",
            "method_for_perfect_figures": "Wilson (shares), Newcombe 5 (AUROC); null for the rest",
            "unit": test.unit,
            "units": test.unit_count,
            "resamples": intervals.RESAMPLES,
            "seed": intervals.SEED,
        },
        "val": describe(val) | score(val, threshold),
        "test": describe(test)
        | score(test, threshold)
        | {"intervals": _metric_intervals(test, threshold)},
    }
    write_json(run_folder / "metrics.json", metrics)
    return metrics


def describe(predictions: Predictions) -> dict[str, Any]:
    """The numbers of images and patients, and the share of diseased images."""
    return {
        "n": len(predictions.labels),
        "patients": predictions.unit_count if predictions.by_patient else None,
        "prevalence": float(predictions.labels.mean()),
    }


def score(predictions: Predictions, threshold: float) -> dict[str, float]:
    """Every metric of METRICS; disease is predicted where score >= threshold (0.5 for `_at_half`)."""
    labels, scores = predictions.labels, predictions.scores
    predicted = scores >= threshold
    values = {
        "auroc": roc_auc_score(labels, scores),
        "accuracy": accuracy_score(labels, predicted),
        "balanced_accuracy": balanced_accuracy_score(labels, predicted),
        "sensitivity": recall_score(labels, predicted, pos_label=1, zero_division=0.0),
        "specificity": recall_score(labels, predicted, pos_label=0, zero_division=0.0),
        "pr_auc": average_precision_score(labels, scores),
        "brier": brier_score_loss(labels, scores),
        "accuracy_at_half": accuracy_score(labels, scores >= 0.5),
    }
    return {name: float(value) for name, value in values.items()}


def _metric_intervals(test: Predictions, threshold: float) -> dict[str, list[float] | None]:
    """The interval of each metric over resampled test patients; None where none can be given."""
    over = resampled_metrics.every_metric(
        test.labels, test.scores, threshold, intervals.resample_weights(test.units)
    )
    found: dict[str, list[float] | None] = {}
    for name, value in score(test, threshold).items():
        if value in (0.0, 1.0):  # equal in every resample, so their spread is zero
            interval = _perfect(name, value, test)
        else:
            error = intervals.standard_error(over[name])
            interval = intervals.share_interval(value, error, test.unit_count - 1)
        found[name] = None if interval is None else list(interval)
    return found


def _perfect(name: str, value: float, test: Predictions) -> intervals.Interval | None:
    ill, well = test.units_of(1), test.units_of(0)
    if name == "auroc":
        return intervals.perfect_auroc_interval(value, ill, well)
    counted = {"sensitivity": ill, "specificity": well, "pr_auc": None, "brier": None}
    units = counted.get(name, test.unit_count)
    return None if units is None else intervals.perfect_share_interval(value, units)

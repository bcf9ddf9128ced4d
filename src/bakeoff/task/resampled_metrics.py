"""The metrics for thousands of resamples at once, equal to scikit-learn's with `sample_weight`."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class _Ranked(NamedTuple):
    """Weights (b, g) of either class at each of the g distinct scores, in ascending order."""

    positive: Floats
    negative: Floats


def auroc(labels: NDArray[np.int64], scores: Floats, weights: Floats) -> Floats:
    """AUROC of labels and scores (n,) under weights (b, n): (b,); NaN where a class is absent."""
    positive, negative = _rank(labels, scores, weights)
    below = np.cumsum(negative, axis=1) - negative / 2  # an equal score counts half
    pairs = positive.sum(axis=1) * negative.sum(axis=1)
    return _ratio((positive * below).sum(axis=1), pairs)


def average_precision(labels: NDArray[np.int64], scores: Floats, weights: Floats) -> Floats:
    """Average precision (PR-AUC) under weights (b, n): (b,); NaN where no positive was drawn."""
    positive, negative = _rank(labels, -scores, weights)
    found = np.cumsum(positive, axis=1)
    flagged = found + np.cumsum(negative, axis=1)
    precision = np.divide(found, flagged, out=np.zeros_like(found), where=flagged > 0)
    return _ratio((positive * precision).sum(axis=1), found[:, -1])


def every_metric(
    labels: NDArray[np.int64], scores: Floats, threshold: float, weights: Iterator[Floats]
) -> dict[str, Floats]:
    """Each metric's values over all resamples, by the names of metrics.json: (resamples,) each."""
    predicted = scores >= threshold
    chunks: list[dict[str, Floats]] = []
    for chunk in weights:
        sensitivity = _share(predicted, chunk * labels)
        specificity = _share(~predicted, chunk * (1 - labels))
        chunks.append(
            {
                "auroc": auroc(labels, scores, chunk),
                "accuracy": _share(predicted == labels, chunk),
                "balanced_accuracy": (sensitivity + specificity) / 2,
                "sensitivity": sensitivity,
                "specificity": specificity,
                "pr_auc": average_precision(labels, scores, chunk),
                "brier": _share((scores - labels) ** 2, chunk),
                "accuracy_at_half": _share((scores >= 0.5) == labels, chunk),
            }
        )
    return {name: np.concatenate([chunk[name] for chunk in chunks]) for name in chunks[0]}


def _rank(labels: NDArray[np.int64], scores: Floats, weights: Floats) -> _Ranked:
    order = np.argsort(scores, kind="stable")
    starts = np.flatnonzero(np.diff(scores[order], prepend=-np.inf))
    drawn = weights[:, order]
    ill = labels[order]
    return _Ranked(
        np.add.reduceat(drawn * ill, starts, axis=1),
        np.add.reduceat(drawn * (1 - ill), starts, axis=1),
    )


def _share(values: NDArray[np.generic], weights: Floats) -> Floats:
    return _ratio(weights @ np.asarray(values, dtype=np.float64), weights.sum(axis=1))


def _ratio(above: Floats, below: Floats) -> Floats:
    return np.divide(above, below, out=np.full_like(above, np.nan), where=below > 0)

"""What metrics are made of, for many resamples at once; equal to scikit-learn's with `sample_weight`."""

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
    return ratio((positive * below).sum(axis=1), pairs)


def average_precision(labels: NDArray[np.int64], scores: Floats, weights: Floats) -> Floats:
    """Average precision (PR-AUC) under weights (b, n): (b,); NaN where no positive was drawn."""
    positive, negative = _rank(labels, -scores, weights)
    found = np.cumsum(positive, axis=1)
    flagged = found + np.cumsum(negative, axis=1)
    precision = np.divide(found, flagged, out=np.zeros_like(found), where=flagged > 0)
    return ratio((positive * precision).sum(axis=1), found[:, -1])


def log_losses(labels: NDArray[np.int64], scores: Floats) -> Floats:
    """-log of the probability of each label 0/1, same shape; as scikit-learn, no probability is 0."""
    tiny = np.finfo(np.float64).eps
    sure = np.clip(np.where(labels == 1, scores, 1 - scores), tiny, 1 - tiny)
    losses: Floats = -np.log(sure)
    return losses


def _rank(labels: NDArray[np.int64], scores: Floats, weights: Floats) -> _Ranked:
    order = np.argsort(scores, kind="stable")
    starts = np.flatnonzero(np.diff(scores[order], prepend=-np.inf))
    drawn = weights[:, order]
    ill = labels[order]
    if len(starts) == len(order):  # no two scores are equal
        return _Ranked(drawn * ill, drawn * (1 - ill))
    return _Ranked(
        np.add.reduceat(drawn * ill, starts, axis=1),
        np.add.reduceat(drawn * (1 - ill), starts, axis=1),
    )


def share(values: NDArray[np.generic], weights: Floats) -> Floats:
    """The mean of values (n,) under weights (b, n): (b,); NaN where nothing was drawn."""
    return ratio(weights @ np.asarray(values, dtype=np.float64), weights.sum(axis=1))


def ratio(above: Floats, below: Floats) -> Floats:
    """One over the other, NaN where that is not positive."""
    return np.divide(above, below, out=np.full_like(above, np.nan), where=below > 0)

"""What metrics are made of, for many resamples at once; equal to scikit-learn's with `sample_weight`.

Weights (b, n) are fastest as `intervals.resample_weights` makes them, with an image's own beside each other.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class _Ranked(NamedTuple):
    """Weights (g, b) at the g distinct scores of positives, in ascending order.

    positive: of those with this score; negative: of those above the score before, up to and with this one;
    equal: of those with just this score, None where there are none.
    """

    positive: Floats
    negative: Floats
    equal: Floats | None


def auroc(labels: NDArray[np.int64], scores: Floats, weights: Floats) -> Floats:
    """AUROC of labels and scores (n,) under weights (b, n): (b,); NaN where a class is absent."""
    if 2 * labels.sum() > len(
        labels
    ):  # the same the other way round, and the rarer class is faster
        labels, scores = 1 - labels, -scores
    positive, negative, equal = _rank(labels, scores, weights)
    below = np.cumsum(negative, axis=0, out=negative)
    if equal is not None:  # an equal score counts half
        below -= equal / 2
    ill = weights @ labels.astype(np.float64)
    pairs = ill * (weights.sum(axis=1) - ill)
    return ratio(np.einsum("gb,gb->b", positive, below), pairs)


def average_precision(labels: NDArray[np.int64], scores: Floats, weights: Floats) -> Floats:
    """Average precision (PR-AUC) under weights (b, n): (b,); NaN where no positive was drawn."""
    positive, negative, _ = _rank(labels, -scores, weights)
    found = np.cumsum(positive, axis=0)
    flagged = found + np.cumsum(negative, axis=0, out=negative)
    precision = np.divide(found, flagged, out=np.zeros_like(found), where=flagged > 0)
    return ratio(np.einsum("gb,gb->b", positive, precision), positive.sum(axis=0))


def _rank(labels: NDArray[np.int64], scores: Floats, weights: Floats) -> _Ranked:
    ill, well = np.flatnonzero(labels == 1), np.flatnonzero(labels == 0)
    steps, own = np.unique(scores[ill], return_inverse=True)
    reached = np.searchsorted(steps, scores[well])
    well, reached = well[reached < len(steps)], reached[reached < len(steps)]
    alike = scores[well] == steps[reached]
    by_image = np.ascontiguousarray(weights.T)  # no copy of weights that are so already
    size = len(steps)
    return _Ranked(
        _totals(by_image, ill, own, size),
        _totals(by_image, well, reached, size),
        _totals(by_image, well[alike], reached[alike], size) if alike.any() else None,
    )


def _totals(
    weights: Floats, images: NDArray[np.int64], places: NDArray[np.int64], size: int
) -> Floats:
    """The sum of the weights (n, b) of the images (m,) at each of `size` places: (size, b)."""
    from scipy.sparse import csr_array  # training does not wait for it

    ones = np.ones(len(images))
    at = csr_array((ones, (places, images)), shape=(size, len(weights)))
    return np.asarray(at @ weights, dtype=np.float64)


def log_losses(labels: NDArray[np.int64], scores: Floats) -> Floats:
    """-log of the probability of each label 0/1, same shape; as scikit-learn, no probability is 0."""
    tiny = np.finfo(np.float64).eps
    sure = np.clip(np.where(labels == 1, scores, 1 - scores), tiny, 1 - tiny)
    losses: Floats = -np.log(sure)
    return losses


def share(values: NDArray[np.generic], weights: Floats) -> Floats:
    """The mean of values (n,) under weights (b, n): (b,); NaN where nothing was drawn."""
    return ratio(weights @ np.asarray(values, dtype=np.float64), weights.sum(axis=1))


def ratio(above: Floats, below: Floats) -> Floats:
    """One over the other, NaN where that is not positive."""
    return np.divide(above, below, out=np.full_like(above, np.nan), where=below > 0)

"""Influences: what each image adds to a figure, from which standard errors follow without resampling.

The influence of image k is the derivative of a figure by the image's weight, all weights 1. To first order a
resample changes the figure by the sum of (weight - 1) times influence: the infinitesimal jackknife (Efron,
The Jackknife, the Bootstrap and Other Resampling Plans, 1982). They sum to 0.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bakeoff.task.resampled_metrics import Floats

Labels = NDArray[np.int64]


def of_mean(values: Floats, members: NDArray[np.bool_] | None = None) -> Floats:
    """Of the mean of values (n,) over the members, by default all; NaN where there are none."""
    if members is None:
        members = np.ones(len(values), dtype=np.bool_)
    count = int(members.sum())
    if count == 0:
        return np.full(len(values), np.nan)
    centred = values - values[members].mean()
    return np.asarray(np.where(members, centred, 0.0) / count, dtype=np.float64)


def of_share(named: NDArray[np.bool_], members: NDArray[np.bool_]) -> Floats:
    """Of the share of the members that are named so."""
    return of_mean(named.astype(np.float64), members)


def of_auroc(labels: Labels, scores: Floats) -> Floats:
    """Of the AUROC: how far an image's placement is from the mean one (Obuchowski, Biometrics 1997)."""
    influence = np.zeros(len(scores))
    for label, placed in zip((1, 0), placements(labels, scores), strict=True):
        if len(placed) == 0:
            return np.full(len(scores), np.nan)
        influence[labels == label] = (placed - placed.mean()) / len(placed)
    return influence


def of_average_precision(labels: Labels, scores: Floats) -> Floats:
    """Of the average precision, equal scores at one step as in scikit-learn."""
    positives = int(labels.sum())
    if positives == 0:
        return np.full(len(scores), np.nan)
    _, step, count = np.unique(-scores, return_inverse=True, return_counts=True)  # highest first
    found = np.bincount(step, weights=labels)
    flagged = np.cumsum(count)
    precision = np.cumsum(found) / flagged
    average = float(found @ precision) / positives
    # An image counts in the precision of every positive whose score is not above its own.
    below = np.cumsum((found / flagged)[::-1])[::-1][step]
    lost = np.cumsum((found * precision / flagged)[::-1])[::-1][step]
    own = labels * (precision[step] - average)
    return np.asarray((own + labels * below - lost) / positives, dtype=np.float64)


def of_f1(called: NDArray[np.bool_], there: NDArray[np.bool_]) -> Floats:
    """Of the F1 score of what is called where it is there."""
    named = float(called.sum() + there.sum())
    if named == 0:
        return np.full(len(called), np.nan)
    both = called & there
    score = 2 * both.sum() / named
    each = called.astype(np.float64) + there
    return np.asarray((2 * both - score * each) / named, dtype=np.float64)


def of_defined(influences: Sequence[Floats]) -> Floats:
    """Of the mean of figures, without those that are not defined (NaN); NaN where none is."""
    there = [one for one in influences if np.isfinite(one).all()]
    if there:
        return np.asarray(np.mean(there, axis=0), dtype=np.float64)
    return np.full_like(influences[0], np.nan) if influences else np.zeros(0)


def placements(labels: Labels, scores: Floats) -> tuple[Floats, Floats]:
    """Each positive's share of negatives below it, and each negative's share of positives above it."""
    positive, negative = scores[labels == 1], scores[labels == 0]
    return _share_below(positive, negative), 1 - _share_below(negative, positive)


def _share_below(values: Floats, others: Floats) -> Floats:
    """The share of `others` below each value; an equal one counts half."""
    ordered = np.sort(others)
    both = np.searchsorted(ordered, values, "left") + np.searchsorted(ordered, values, "right")
    return np.asarray(both / max(1, 2 * len(others)), dtype=np.float64)

"""Calibration: whether of the images with a score of 0.3 three in ten are positive.

Scores are sorted into bins of about equal numbers of images (equal mass), as scikit-learn's
`calibration_curve(strategy="quantile")` does; equal scores stay in one bin. With few images there are few
bins: at least PER_BIN images in each, at most BINS.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bakeoff.evaluation.intervals import Floats

Labels = NDArray[np.int64]

BINS = 10
PER_BIN = 15


@dataclass(frozen=True)
class Reliability:
    """Bins (B,) of the scores, lowest first; of an empty one score and share are NaN.

    counts: images; scores: their mean score; shares: how many of them are positive; of: the bin of each
    image (n,).
    """

    counts: NDArray[np.int64]
    scores: Floats
    shares: Floats
    of: NDArray[np.int64]

    @property
    def weights(self) -> Floats:
        """The share of images in each bin: (B,)."""
        return np.asarray(self.counts / self.counts.sum())


@dataclass(frozen=True)
class BrierParts:
    """The Brier score, taken apart: brier = reliability - resolution + uncertainty + within.

    reliability: how far bins' shares are from their scores, lower is better; resolution: how far they are
    from the share of all, higher is better; uncertainty: that of the labels, which no model changes; within:
    what scores differ by inside of bins (Murphy, J. Appl. Meteorol. 1973; the last by Stephenson, Coelho
    and Jolliffe, Weather and Forecasting 2008).
    """

    brier: float
    reliability: float
    resolution: float
    uncertainty: float
    within: float


def bin_count(images: int) -> int:
    """How many bins so many images are sorted into."""
    return max(1, min(BINS, images // PER_BIN))


def reliability(labels: Labels, scores: Floats, bins: int | None = None) -> Reliability:
    """The reliability curve of labels 0/1 and scores in 0..1, (n,) each."""
    bins = bins or bin_count(len(labels))
    inner = np.quantile(scores, np.linspace(0, 1, bins + 1)[1:-1])
    of = np.searchsorted(inner, scores)
    counts = np.bincount(of, minlength=bins)
    with np.errstate(invalid="ignore"):
        return Reliability(
            counts,
            np.bincount(of, weights=scores, minlength=bins) / counts,
            np.bincount(of, weights=labels, minlength=bins) / counts,
            of,
        )


def expected_error(found: Reliability) -> float:
    """The expected calibration error: the mean distance of shares from scores, bins by their images.

    Naeini, Cooper and Hauskrecht, AAAI 2015, here with bins of equal mass.
    """
    there = found.counts > 0
    return float(found.weights[there] @ np.abs(found.shares - found.scores)[there])


def error_by_chance(found: Reliability, scores: Floats) -> float:
    """About what `expected_error` is of a perfectly calibrated model with these scores (n,).

    A bin's share then misses its mean score as a mean of independent labels does, by sqrt(2 / pi) standard
    errors on average. Images of one patient are alike, so it is rather more.
    """
    variance = np.bincount(found.of, weights=scores * (1 - scores), minlength=len(found.counts))
    errors = np.sqrt(variance) / np.maximum(found.counts, 1)
    return float(np.sqrt(2 / np.pi) * found.weights @ errors)


def brier_parts(labels: Labels, scores: Floats, found: Reliability) -> BrierParts:
    """The Brier score of labels and scores (n,) taken apart by the bins of its reliability curve."""
    there, overall = found.counts > 0, float(labels.mean())
    weights, shares, means = (
        values[there] for values in (found.weights, found.shares, found.scores)
    )
    beside = scores - found.scores[found.of]
    missed = labels - found.shares[found.of]
    return BrierParts(
        brier=float(np.mean((scores - labels) ** 2)),
        reliability=float(weights @ (means - shares) ** 2),
        resolution=float(weights @ (shares - overall) ** 2),
        uncertainty=overall * (1 - overall),
        within=float(np.mean(beside**2) - 2 * np.mean(beside * missed)),
    )


def share_influences(labels: Labels, found: Reliability, at: int) -> Floats:
    """What each image adds to the share of positives in bin `at`: (n,)."""
    members = found.of == at
    influence = np.where(members, labels - found.shares[at], 0.0)
    return np.asarray(influence / max(1, int(members.sum())), dtype=np.float64)

"""DeLong, DeLong and Clarke-Pearson (Biometrics 1988) from first principles: every pair of images is seen."""

from typing import NamedTuple

import numpy as np


class Components(NamedTuple):
    """An AUROC, and what each positive (m,) and each negative (n,) image alone says it is."""

    auroc: float
    positive: np.ndarray
    negative: np.ndarray


def components(labels, scores) -> Components:
    """Of images that are independent of each other."""
    apart = scores[labels == 1][:, None] - scores[labels == 0][None]
    won = np.where(apart > 0, 1.0, np.where(apart == 0, 0.5, 0.0))
    return Components(float(won.mean()), won.mean(axis=1), won.mean(axis=0))


def variance(found: Components) -> float:
    """Of an AUROC."""
    return covariance(found, found)


def covariance(one: Components, other: Components) -> float:
    """Of two AUROCs of the same images."""
    return sum(
        float(np.cov(own, its)[0, 1]) / len(own)
        for own, its in ((one.positive, other.positive), (one.negative, other.negative))
    )


def difference_variance(one: Components, other: Components) -> float:
    """Of the difference of two AUROCs of the same images."""
    return variance(one) + variance(other) - 2 * covariance(one, other)

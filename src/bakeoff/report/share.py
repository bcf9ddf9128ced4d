"""A share of test images with its interval: sensitivity, specificity, recall, precision."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bakeoff.evaluation import clustered
from bakeoff.evaluation.intervals import Interval, perfect_share_interval


@dataclass(frozen=True)
class Share:
    """A share of images with its 95 % interval, patients as clusters; NaN where there is no image."""

    value: float
    low: float
    high: float
    of: int


def share_of(
    named: NDArray[np.bool_], members: NDArray[np.bool_], units: NDArray[np.int64]
) -> Share:
    """The share of the members that are named so."""
    count = int(members.sum())
    if count == 0:
        return Share(np.nan, np.nan, np.nan, 0)
    patients, own = np.unique(units[members], return_inverse=True)
    estimate = clustered.mean(named[members].astype(np.float64), own)
    ends: Interval | None
    if estimate.value in (0.0, 1.0):
        ends = perfect_share_interval(estimate.value, len(patients))
    else:
        ends = estimate.share_interval()
    return Share(estimate.value, *(ends or (np.nan, np.nan)), count)

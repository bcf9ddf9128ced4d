"""The decision threshold, chosen on validation and then left alone."""

import numpy as np
from numpy.typing import NDArray

from bakeoff.task.roc import roc_curve

CRITERION = (
    "Youden's J (sensitivity + specificity - 1) on validation; ties: the higher validation "
    "accuracy, then the nearest to 0.5, then the higher"
)


def choose_threshold(labels: NDArray[np.int64], scores: NDArray[np.float64]) -> float:
    """The threshold that CRITERION picks for (n,) labels 0/1 and scores; class 1 is `score >= it`.

    Youden, "Index for rating diagnostic tests", Cancer 1950.
    """
    specificity_gap, sensitivity, thresholds = roc_curve(labels, scores, corners=False)
    # The first threshold, above every score, is infinity, which JSON does not have.
    thresholds = np.minimum(thresholds, np.nextafter(scores.max(), np.inf))
    prevalence = labels.mean()
    youden = sensitivity - specificity_gap
    accuracy = prevalence * sensitivity + (1 - prevalence) * (1 - specificity_gap)
    # Rounded, so that equal counts stay ties whatever the order of the additions above.
    order = (thresholds, -np.abs(thresholds - 0.5), accuracy.round(12), youden.round(12))
    return float(thresholds[np.lexsort(order)[-1]])

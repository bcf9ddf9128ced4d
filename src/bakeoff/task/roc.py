"""The points of a ROC curve, as scikit-learn gives them; to import that takes longer than a stage's work."""

import numpy as np

from bakeoff.task.classification import Labels, Scores


def roc_curve(labels: Labels, scores: Scores, *, corners: bool = True) -> tuple[Scores, ...]:
    """False positive rates, sensitivities and thresholds (k,), from no image called to all of them.

    For labels (n,) 0/1, of which there are both, and scores (n,). The first threshold is infinity. With
    `corners`, points on the line between two others are left out.
    """
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    last = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)  # of each score
    true = np.cumsum(labels[order] == 1, dtype=np.float64)[last]
    false = 1.0 + last - true
    thresholds = ranked[last].astype(np.float64)
    if corners and len(last) > 2:
        bends = (np.diff(false, 2) != 0) | (np.diff(true, 2) != 0)
        kept = np.concatenate([[True], bends, [True]])
        false, true, thresholds = false[kept], true[kept], thresholds[kept]
    rates = (np.append(0.0, counts) / counts[-1] for counts in (false, true))
    return *rates, np.append(np.inf, thresholds)

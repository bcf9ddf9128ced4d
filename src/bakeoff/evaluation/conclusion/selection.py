"""Which variant to take: the one that validation chooses, and how much being first on test flatters.

Whoever is ahead on test is so partly by luck, and its figure there is too high by that. How much is to be
expected comes from the joint draws: around figures that are shrunk to their mean as far as their spread is
error (James and Stein), somebody is first in each draw, and that one's error is the flattery.
"""

import numpy as np

from bakeoff.evaluation.conclusion.joint_errors import JointErrors
from bakeoff.evaluation.intervals import Floats


def flattery(errors: JointErrors) -> float:
    """By how much the first on test is expected to be too high: 0 of one variant, NaN if unknown."""
    if errors.size < 2:
        return 0.0
    if not errors.known:
        return float("nan")
    truths = shrunken(errors)[:, None]
    drawn = np.clip(truths + errors.draws, *errors.bounds)
    first = drawn.argmax(axis=0)[None]
    return float(max(0.0, np.take_along_axis(drawn - truths, first, axis=0).mean()))


def shrunken(errors: JointErrors) -> Floats:
    """The means (V,) drawn to their middle, by the share of their spread that is error."""
    size = errors.size
    middle = errors.means.mean()
    spread = errors.means.var(ddof=1)
    # The mean squared error of differences is twice what errors add to the spread.
    error = float((errors.standard_errors**2).sum() / (size * (size - 1)) / 2)
    kept = max(0.0, 1 - error / spread) if spread > 0 else 0.0
    return np.asarray(middle + kept * (errors.means - middle))


def chosen_by(figures: Floats) -> int | None:
    """The number of the highest of validation's figures (V,), the first of equals; None where all are NaN."""
    return None if np.isnan(figures).all() else int(np.nanargmax(figures))

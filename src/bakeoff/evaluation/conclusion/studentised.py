"""Differences in units of their standard errors, as they are and as drawn under no difference."""

import numpy as np

from bakeoff.evaluation.conclusion.joint_errors import JointErrors
from bakeoff.evaluation.intervals import Floats


def studentised(errors: JointErrors) -> Floats:
    """(means[i] - means[j]) / standard error: (V, V); infinite where no resample moves a difference."""
    return divided(errors.differences, errors.standard_errors)


def divided(differences: Floats, widths: Floats) -> Floats:
    """One over the other; of a width 0 the sign of the difference times infinity, 0 where that is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(differences == 0, 0.0, differences / widths))

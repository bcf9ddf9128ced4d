"""Differences in units of their standard errors, as they are and as drawn under no difference.

A standard error that rests on two seeds lets a difference stray much further than one that rests on many.
So that the largest of many is not always the least known one, each is put on the normal scale by Student's t
with its own degrees of freedom: there all of them stray alike (a balanced statistic: Beran, JASA 1988).
"""

import numpy as np
from scipy.special import ndtri, stdtr

from bakeoff.evaluation.conclusion.joint_errors import JointErrors
from bakeoff.evaluation.intervals import Floats


def studentised(errors: JointErrors) -> Floats:
    """(means[i] - means[j]) / standard error: (V, V); infinite where no resample moves a difference."""
    return _scaled(errors.differences, errors.standard_errors, errors.degrees)


def drawn_against(errors: JointErrors, at: int, others: list[int]) -> Floats:
    """Draws of what `studentised` is of one variant against others where nobody differs: (n, B)."""
    apart = errors.draws[at] - errors.draws[others]
    widths, degrees = (
        each[at, others][:, None] for each in (errors.standard_errors, errors.degrees)
    )
    return _scaled(apart, widths, degrees)


def _scaled(differences: Floats, widths: Floats, degrees: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = np.where(differences == 0, 0.0, differences / widths)
    tail = ndtri(stdtr(np.minimum(degrees, 1e9), -np.abs(ratios)))
    return np.asarray(-np.sign(ratios) * tail)

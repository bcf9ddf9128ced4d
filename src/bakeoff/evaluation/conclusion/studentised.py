"""Differences in units of their standard errors, as they are and as drawn under no difference.

A standard error that rests on two seeds lets a difference stray much further than one that rests on many.
So that the largest of many is not always the least known one, each is put on the normal scale by Student's t
with its own degrees of freedom: there all of them stray alike (a balanced statistic: Beran, JASA 1988), and
together as the draws do.
"""

import numpy as np
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from bakeoff.evaluation.conclusion.joint_errors import JointErrors
from bakeoff.evaluation.intervals import Floats


def studentised(errors: JointErrors) -> Floats:
    """Each difference i - j on the normal scale: (V, V); 0 where no resample moves it: nothing is known."""
    ratios = _divided(errors.differences, errors.standard_errors)
    tail = ndtri(stdtr(np.minimum(errors.degrees, _MANY), -np.abs(ratios)))
    return np.asarray(-np.sign(ratios) * tail)


def drawn_against(errors: JointErrors, at: int, others: list[int]) -> Floats:
    """Draws of what `studentised` is of one variant against others where nobody differs: (n, B)."""
    apart = errors.draws[at] - errors.draws[others]
    return _divided(apart, errors.standard_errors[at, others][:, None])


def from_normal(value: float, degrees: float) -> float:
    """Where Student's t has the tail that the normal distribution has above `value`."""
    return float(-stdtrit(min(degrees, _MANY), ndtr(-value)))


_MANY = 1e9  # as good as infinitely many degrees of freedom


def _divided(differences: Floats, widths: Floats) -> Floats:
    known = np.broadcast_to(widths > 0, differences.shape)
    return np.divide(differences, widths, out=np.zeros(differences.shape), where=known)

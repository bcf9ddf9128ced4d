"""Which variants may be the best: a confidence set, by comparing with the best and letting the worst go.

The one that another is furthest ahead of, in standard errors, leaves if that is more than chance explains:
more than the 95 % quantile of the largest studentised difference among those who are left, over joint draws
of the errors. Then those who remain are compared anew, until nobody leaves.

This is the model confidence set of Hansen, Lunde and Nason (Econometrica 2011); comparison with the best is
Hsu's (Annals of Statistics 1984), the step-down that of Romano and Wolf (JASA 2005) and, for ranks, of
Mogstad, Romano, Shaikh and Wilhelm (Review of Economic Studies 2024). Hsu's own set holds the best one with
95 %, but drops one of several that are equally good far more often (of two equal ones 10 %). Here what is
out is said to be worse, so the set has to hold every best one at once, with 95 %.
"""

import numpy as np

from bakeoff.evaluation.conclusion.joint_errors import JointErrors
from bakeoff.evaluation.conclusion.studentised import drawn_against, studentised
from bakeoff.evaluation.intervals import LEVEL, Floats


def not_best_p(errors: JointErrors) -> Floats:
    """For each variant (V,) the adjusted p value of its being among the best; all 1 if nothing is known."""
    adjusted = np.ones(errors.size)
    if errors.size < 2 or not errors.known:
        return adjusted
    leaving, ahead = _order(-studentised(errors))
    # From the last two backwards, the largest difference among those that are still there.
    largest = np.zeros(errors.draws.shape[1])
    steps = np.ones(errors.size)
    for place in range(errors.size - 2, -1, -1):
        at, others = leaving[place], leaving[place + 1 :]
        apart = drawn_against(errors, at, others)
        largest = np.maximum(largest, np.abs(apart).max(axis=0))
        over = int((largest >= ahead[place]).sum()) if ahead[place] > 0 else len(largest)
        steps[place] = (1 + over) / (1 + len(largest))
    adjusted[leaving] = np.maximum.accumulate(steps)
    return np.minimum(1.0, errors.looks * adjusted)


def may_be_best(p: Floats) -> list[bool]:
    """Whether each variant with these p values (V,) is in the set that holds every best one with LEVEL."""
    return [bool(one > 1 - LEVEL) for one in p]


def _order(behind: Floats) -> tuple[list[int], list[float]]:
    """In which order variants leave, and by how much somebody is ahead of each then; of the last, by 0.

    behind: (V, V), by how much row is behind column, in standard errors.
    """
    left = list(range(len(behind)))
    leaving, ahead = [], []
    while len(left) > 1:
        furthest = behind[np.ix_(left, left)].max(axis=1)
        worst = int(furthest.argmax())
        ahead.append(float(furthest[worst]))
        leaving.append(left.pop(worst))
    return [*leaving, *left], [*ahead, 0.0]

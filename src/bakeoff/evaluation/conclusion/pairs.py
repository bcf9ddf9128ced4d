"""Every pair of variants: their difference, and whether it is more than chance explains.

p values are adjusted for all pairs at once, by the step-down maximum of studentised differences (Romano and
Wolf, JASA 2005) over the joint draws, with Holm's beside them, which does not know that differences hang
together. Equivalence within a margin is two one-sided tests (Schuirmann 1987), Holm's over the pairs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import stdtr

from bakeoff.evaluation.conclusion.joint_errors import JointErrors
from bakeoff.evaluation.conclusion.studentised import drawn_against, studentised
from bakeoff.evaluation.intervals import LEVEL, Floats

Answer = Literal["better", "worse", "equivalent", "cannot be told"]
"""What is concluded of the first of a pair against the second."""


@dataclass(frozen=True)
class Pair:
    """The first against the second; a positive `difference`, in the metric's units, is in its favour.

    low, high: the interval of this difference alone; None where it is not known. p: adjusted for all
    pairs; p_holm: Holm's; p_equivalent: of a difference beyond the margin, None without a margin.
    """

    first: str
    second: str
    difference: float
    low: float | None
    high: float | None
    p: float
    p_holm: float
    p_equivalent: float | None
    answer: Answer

    @property
    def within(self) -> bool:
        """Whether the difference is shown to be within the margin; it may be better or worse all the same."""
        return self.p_equivalent is not None and self.p_equivalent <= 1 - LEVEL


def compare_pairs(errors: JointErrors, margin: float | None = None) -> list[Pair]:
    """All pairs, the better one first: figures are higher for the better, every difference at least 0."""
    order = np.argsort(-errors.means, kind="stable")
    members = [(int(i), int(j)) for at, i in enumerate(order) for j in order[at + 1 :]]
    if not members:
        return []
    return _told(errors, members, margin)


def compare_to_one(errors: JointErrors, one: int, margin: float | None = None) -> list[Pair]:
    """Every other variant, in their order, against number `one`, a family of its own."""
    members = [(at, one) for at in range(errors.size) if at != one]
    return _told(errors, members, margin) if members else []


def _told(
    errors: JointErrors, members: Sequence[tuple[int, int]], margin: float | None
) -> list[Pair]:
    adjusted = np.minimum(1.0, errors.looks * step_down(errors, members))
    beside = holm(np.array([_alone(errors, i, j) for i, j in members]))
    beside = np.minimum(1.0, errors.looks * beside)
    equal = None
    if margin is not None:
        equal = holm(np.array([_beyond(errors, i, j, margin) for i, j in members]))
        equal = np.minimum(1.0, errors.looks * equal)
    pairs = []
    for at, (i, j) in enumerate(members):
        interval = errors.interval(i, j)
        apart = bool(adjusted[at] <= 1 - LEVEL)
        same = None if equal is None else float(equal[at])
        answer: Answer = "cannot be told"
        if apart:
            answer = "better" if errors.differences[i, j] > 0 else "worse"
        elif same is not None and same <= 1 - LEVEL:
            answer = "equivalent"
        pairs.append(
            Pair(
                first=errors.names[i],
                second=errors.names[j],
                difference=float(errors.differences[i, j]),
                low=None if interval is None else interval.low,
                high=None if interval is None else interval.high,
                p=float(adjusted[at]),
                p_holm=float(beside[at]),
                p_equivalent=same,
                answer=answer,
            )
        )
    return pairs


def step_down(errors: JointErrors, members: Sequence[tuple[int, int]]) -> Floats:
    """Adjusted two-sided p values of these differences, (m,); 1 where nothing is known."""
    if not errors.known:
        return np.ones(len(members))
    every = studentised(errors)
    observed = np.abs([every[pair] for pair in members])
    order = np.argsort(-observed, kind="stable")
    # From the smallest up, the largest draw among those not yet rejected.
    largest = np.zeros(errors.draws.shape[1])
    found = np.ones(len(members))
    for at in reversed(order):
        i, j = members[at]
        largest = np.maximum(largest, np.abs(drawn_against(errors, i, [j])[0]))
        over = int((largest >= observed[at]).sum()) if observed[at] > 0 else len(largest)
        found[at] = (1 + over) / (1 + len(largest))
    found[order] = np.maximum.accumulate(found[order])
    return found


def holm(p: Floats) -> Floats:
    """Holm's adjustment of p values (m,) (Scandinavian Journal of Statistics 1979)."""
    order = np.argsort(p, kind="stable")
    scaled = np.minimum(1.0, p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty_like(scaled)
    adjusted[order] = np.maximum.accumulate(scaled)
    return adjusted


def _alone(errors: JointErrors, i: int, j: int) -> float:
    """The two-sided p value of one difference, by Student's t."""
    return min(1.0, 2 * _tail(errors, i, j, -abs(float(errors.differences[i, j]))))


def _beyond(errors: JointErrors, i: int, j: int, margin: float) -> float:
    """The larger p value of the two one-sided tests that the difference is outside the margin."""
    return _tail(errors, i, j, abs(float(errors.differences[i, j])) - margin)


def _tail(errors: JointErrors, i: int, j: int, distance: float) -> float:
    """The probability of a difference below `distance` from its middle: t's lower tail."""
    width, degrees = float(errors.standard_errors[i, j]), float(errors.degrees[i, j])
    if not errors.known or not np.isfinite(width):
        return 1.0
    if width == 0:
        # Of models that agree on images that can move them it is known to be none; else it is not known.
        alike = errors.differences[i, j] == 0 and errors.moved[[i, j]].all()
        return 0.0 if alike and distance < 0 else 1.0
    return float(stdtr(degrees, distance / width))

"""What a test set could show: the difference that would be found in 80 % of such bake-offs.

Found: told apart with all pairs counted, by the largest studentised difference over the joint draws. It
depends on the errors alone, on which variant is ahead not at all, and so can be said before any result.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from bakeoff.evaluation.conclusion.joint_errors import JointErrors
from bakeoff.evaluation.conclusion.studentised import drawn_against, from_normal
from bakeoff.evaluation.intervals import LEVEL, Floats

POWER = 0.8


@dataclass(frozen=True)
class Detectable:
    """The difference between two variants that is found with probability POWER; None if none can be.

    units: how many patients (or images) are tested; seeds: of each variant.
    """

    units: int
    seeds: int
    difference: float | None


def detectable(errors: JointErrors) -> float | None:
    """The detectable difference, the median over pairs, as the bake-off is.

    None where nothing is known, or the largest possible difference could not be found.
    """
    return _detectable(errors, errors.counts, 1.0)


def what_more_brings(errors: JointErrors) -> list[Detectable]:
    """As it is, with two and four times the patients, with more seeds, and with both."""
    if errors.size < 2 or not errors.known:
        return []
    now = int(errors.counts.min())
    seeds = sorted({now, max(3, 2 * now), max(10, 4 * now)} if errors.seeds.known else {now})
    return [
        Detectable(
            units=round(errors.units * times),
            seeds=count,
            difference=_detectable(errors, np.full(errors.size, float(count)), times)
            if count != now
            else _detectable(errors, np.maximum(errors.counts, count), times),
        )
        for times in (1, 2, 4)
        for count in seeds
    ]


def _detectable(errors: JointErrors, counts: Floats, images: float) -> float | None:
    if errors.size < 2 or not errors.known:
        return None
    then = errors.planned(counts, images)
    largest = np.zeros(then.draws.shape[1])
    for i in range(1, then.size):
        largest = np.maximum(largest, np.abs(drawn_against(then, i, list(range(i)))).max(axis=0))
    critical = float(np.quantile(largest, 1 - (1 - LEVEL) / then.looks))
    power = float(ndtri(POWER))
    reaches = [
        width * (from_normal(critical, degrees) + from_normal(power, degrees))
        for width, degrees in _of_pairs(then)
        if width > 0
    ]
    if not reaches:
        return None
    found = float(np.median(reaches))
    return found if found <= errors.span else None


def _of_pairs(errors: JointErrors) -> Iterator[tuple[float, float]]:
    """The standard error and its degrees of freedom, pair by pair."""
    for i in range(errors.size):
        for j in range(i):
            yield float(errors.standard_errors[i, j]), float(errors.degrees[i, j])

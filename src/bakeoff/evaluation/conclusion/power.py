"""What a test set could show: the difference that would be found in 80 % of such bake-offs.

Found: told apart with all pairs counted, by the largest studentised difference over the joint draws. It
depends on the errors alone, on which variant is ahead not at all, and so can be said before any result.
"""

from dataclasses import dataclass

import numpy as np

from bakeoff.evaluation.conclusion.joint_errors import JointErrors
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


def _detectable(errors: JointErrors, counts: Floats, patients: float) -> float | None:
    size = errors.size
    if size < 2 or not errors.known:
        return None
    draws = errors.drawn_with(counts, patients)
    seeds = errors.seeds.net / counts
    widths = np.sqrt(errors.sampling_variances / patients + seeds[:, None] + seeds[None])
    largest = np.zeros(draws.shape[1])
    drawn: list[Floats] = []
    spans: list[float] = []
    for i in range(size):
        for j in range(i):
            if not widths[i, j] > 0:
                continue
            apart = draws[i] - draws[j]
            largest = np.maximum(largest, np.abs(apart) / widths[i, j])
            # The lower and the mirrored upper tail: which of the two is ahead is not known.
            drawn.append(np.quantile(np.concatenate([apart, -apart]), 1 - POWER))
            spans.append(float(widths[i, j]))
    if not spans:
        return None
    critical = float(np.quantile(largest, LEVEL))
    found = float(np.median(critical * np.array(spans) - np.array(drawn)))
    return found if found <= errors.span else None

"""How well a standard error is known: the degrees of freedom with which Student's t allows for it.

The variance of a figure has a part over images, known from many units, and a part over seeds, known from
few and what is left after the images' share is taken off. What the whole may be is drawn part by part
(generalised inference: Weerahandi, JASA 1993), and the degrees are those with which t reaches as far as the
draws do. That holds its level however small the seeds' part is. Where every variant has a spread of its own,
known from one or two degrees, it reaches much too far, and Satterthwaite's approximation somewhat too short;
there the geometric mean of the two is taken.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.special import chdtri, ndtr, stdtrit

from bakeoff.evaluation.intervals import LEVEL, Floats

_DRAWS = 512
_ORDERS = (
    81  # of the draws: of the images, and of two times forty variants whose seeds are not pooled
)
_STEPS, _CLOSE = 200, 1e-9  # of Newton's method: a dozen are the rule
_LEAST = 1e-18  # of the largest variance drawn: nothing is divided by 0


class SeedPart(NamedTuple):
    """Variances (m,) over seeds: estimated with the images' share in it, the share, degrees of freedom."""

    gross: Floats
    images: Floats
    degrees: Floats


def degrees_of_freedom(
    sampling: Floats, units: int, parts: Sequence[SeedPart], between: bool = False
) -> Floats:
    """Of variances `sampling` (m,) over so many units plus those of the seeds: (m,), at least 1.

    between: take the mean with Satterthwaite's. Infinite for what does not vary at all.
    """
    found = np.full(sampling.shape, np.inf)
    net = sum((np.maximum(0.0, part.gross - part.images) for part in parts), np.zeros(found.shape))
    varies = sampling + net > 0
    if units < 2 or not varies.any():
        return found
    sampling, net = sampling[varies], net[varies]
    parts = [SeedPart(*(each[varies] for each in part)) for part in parts]
    ratio = _reach(sampling, units, parts) / np.sqrt(sampling + net)
    if between:
        spread = sampling**2 / (units - 1) + sum(part.gross**2 / part.degrees for part in parts)
        satterthwaite = np.maximum(1.0, (sampling + net) ** 2 / spread)
        ratio = np.sqrt(ratio * stdtrit(satterthwaite, (1 + LEVEL) / 2))
    found[varies] = np.interp(ratio, _REACHES[::-1], _DEGREES[::-1])
    return found


def _reach(sampling: Floats, units: int, parts: Sequence[SeedPart]) -> Floats:
    """What a normal error stays within 95 % of the time, over all that its variance may be: (m,)."""
    variances = sampling[:, None] * _times(units - 1.0, 0)
    for at, part in enumerate(parts):
        times = np.stack([_times(float(degrees), 1 + at) for degrees in part.degrees])
        variances = variances + np.maximum(0.0, part.gross[:, None] * times - part.images[:, None])
    widths = np.sqrt(np.maximum(variances, _LEAST * variances.max(axis=1, keepdims=True)))
    least, tail = 1.5 * widths.min(axis=1), (1 - LEVEL) / 2
    reach = 2 * np.sqrt(variances.mean(axis=1))
    # How often an error is beyond is convex in the reach: after one step of Newton's method, which may be
    # too long, all are from below.
    for _ in range(_STEPS):
        ratios = reach[:, None] / widths
        beyond = ndtr(-ratios).mean(axis=1) - tail
        slope = (np.exp(-(ratios**2) / 2) / widths).mean(axis=1) / np.sqrt(2 * np.pi)
        before, reach = reach, np.maximum(least, reach + beyond / slope)
        if (np.abs(reach - before) <= _CLOSE * reach).all():
            break
    return np.asarray(reach)


@lru_cache(maxsize=512)
def _times(degrees: float, part: int) -> Floats:
    """How many times its estimate a variance may be that has so many degrees: (_DRAWS,)."""
    if np.isinf(degrees):  # nothing is estimated
        return np.ones(_DRAWS)
    return np.asarray(degrees / chdtri(degrees, _SHUFFLED[part % len(_SHUFFLED)]))


def _shuffled() -> Floats:
    """Evenly spaced numbers in 0..1, in another order for each part: a Latin hypercube."""
    even = (np.arange(_DRAWS) + 0.5) / _DRAWS
    return np.random.default_rng(0).permuted(np.tile(even, (_ORDERS, 1)), axis=1)


_SHUFFLED = _shuffled()
_DEGREES = np.geomspace(1.0, 1e6, 1000)
_REACHES = stdtrit(_DEGREES, (1 + LEVEL) / 2)

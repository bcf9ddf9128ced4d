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
from scipy.optimize import brentq
from scipy.special import chdtri, ndtr, stdtrit

from bakeoff.evaluation.intervals import LEVEL, Floats

_DRAWS = 512


class SeedPart(NamedTuple):
    """A variance over seeds: estimated with the images' share in it, the share, the degrees of freedom."""

    gross: float
    images: float
    degrees: float


def degrees_of_freedom(
    sampling: float, units: int, parts: Sequence[SeedPart], between: bool = False
) -> float:
    """Of a variance `sampling` over so many units plus those of the seeds; at least 1.

    between: take the mean with Satterthwaite's. Infinite for what does not vary at all.
    """
    parts = [part for part in parts if part.gross > 0]
    net = sum(max(0.0, part.gross - part.images) for part in parts)
    width = float(np.sqrt(sampling + net))
    if not width > 0 or units < 2:
        return float("inf")
    ratio = _reach(sampling, units, parts) / width
    if between:
        spread = sampling**2 / (units - 1) + sum(part.gross**2 / part.degrees for part in parts)
        satterthwaite = max(1.0, (sampling + net) ** 2 / spread)
        ratio = float(np.sqrt(ratio * stdtrit(satterthwaite, (1 + LEVEL) / 2)))
    return float(np.interp(ratio, _REACHES[::-1], _DEGREES[::-1]))


def _reach(sampling: float, units: int, parts: Sequence[SeedPart]) -> float:
    """What a normal error stays within 95 % of the time, over all that its variance may be."""
    variances = sampling * _times(units - 1.0, 0)
    for at, part in enumerate(parts):
        gross = part.gross * _times(part.degrees, 1 + at)
        variances = variances + np.maximum(0.0, gross - part.images)
    widths = np.sqrt(variances)
    tail = (1 - LEVEL) / 2

    def beyond(reach: float) -> float:
        return float(ndtr(-reach / widths).mean()) - tail

    return float(brentq(beyond, 1.5 * float(widths.min()), 2.5 * float(widths.max()), rtol=1e-6))


@lru_cache(maxsize=512)
def _times(degrees: float, part: int) -> Floats:
    """How many times its estimate a variance may be that has so many degrees: (_DRAWS,)."""
    return np.asarray(degrees / chdtri(degrees, _SHUFFLED[part]))


def _shuffled() -> Floats:
    """Evenly spaced numbers in 0..1, in another order for each part: a Latin hypercube."""
    even = (np.arange(_DRAWS) + 0.5) / _DRAWS
    return np.random.default_rng(0).permuted(np.tile(even, (3, 1)), axis=1)


_SHUFFLED = _shuffled()
_DEGREES = np.geomspace(1.0, 1e6, 1000)
_REACHES = stdtrit(_DEGREES, (1 + LEVEL) / 2)

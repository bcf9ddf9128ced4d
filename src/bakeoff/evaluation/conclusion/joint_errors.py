"""The errors of all variants at once: how far each figure may be from the truth, drawn together.

A figure is the mean over a variant's seeds. It errs by the patients that the test set happens to have, in
which all variants share (the same resamples for everybody), and by the seeds that happened to be run, each
variant by itself. Both are drawn here; what is concluded of several variants at once rests on these draws.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import stdtrit

from bakeoff.evaluation.conclusion.seed_variance import SeedVariance, estimate_seed_variance
from bakeoff.evaluation.intervals import (
    LEVEL,
    SEED,
    Floats,
    Interval,
    difference_interval,
)


@dataclass(frozen=True)
class Figures:
    """A variant's figure, higher is better: by seed (k,), and over B resamples of the images (k, B).

    floor: the standard error of a perfect figure, which no resample moves; else 0.
    """

    name: str
    values: Floats
    drawn: Floats
    floor: float = 0.0

    @property
    def mean(self) -> float:
        """The mean over seeds."""
        return float(self.values.mean())


@dataclass(frozen=True)
class JointErrors:
    """Figures (V,) with their errors: sampling (V, B) of the images, seeds with counts (V,), units tested.

    bounds: what a figure can be.
    """

    names: tuple[str, ...]
    means: Floats
    sampling: Floats
    seeds: SeedVariance
    counts: Floats
    units: int
    bounds: tuple[float, float] = (-np.inf, np.inf)

    @property
    def span(self) -> float:
        """The largest difference that there can be."""
        return self.bounds[1] - self.bounds[0]

    @property
    def size(self) -> int:
        """How many variants there are."""
        return len(self.names)

    @property
    def known(self) -> bool:
        """Whether there is anything to conclude from: more than one unit, and resamples that count."""
        return self.units > 1 and self.sampling.shape[1] > 1

    @cached_property
    def seed_errors(self) -> Floats:
        """The squared standard error of each mean that is of its seeds: (V,)."""
        return np.asarray(self.seeds.net / self.counts)

    @cached_property
    def differences(self) -> Floats:
        """means[i] - means[j]: (V, V)."""
        return np.asarray(self.means[:, None] - self.means[None])

    @cached_property
    def sampling_variances(self) -> Floats:
        """Of each difference (V, V), by the images."""
        if self.sampling.shape[1] < 2:
            return np.full((self.size, self.size), np.nan)
        covariance = np.atleast_2d(np.cov(self.sampling))
        own = np.diag(covariance)
        return np.maximum(own[:, None] + own[None] - 2 * covariance, 0.0)

    @cached_property
    def standard_errors(self) -> Floats:
        """Of each difference (V, V), by images and seeds; 0 on the diagonal."""
        seeds = self.seed_errors[:, None] + self.seed_errors[None]
        errors = np.sqrt(self.sampling_variances + seeds)
        np.fill_diagonal(errors, 0.0)
        return np.asarray(errors)

    @cached_property
    def degrees(self) -> Floats:
        """Of the standard errors of differences (V, V): with them Student's t reaches as far as the draws."""
        found = np.full((self.size, self.size), np.inf)
        for i in range(self.size if self.known else 0):
            for j in range(i):
                apart = np.abs(self.draws[i] - self.draws[j])
                found[i, j] = found[j, i] = _degrees(apart, self.standard_errors[i, j])
        return found

    def interval(self, i: int, j: int) -> Interval | None:
        """Of the difference of means i - j alone, within what it can be; None where it is not known."""
        if not self.known:
            return None
        found = difference_interval(
            float(self.differences[i, j]),
            float(self.standard_errors[i, j]),
            float(self.degrees[i, j]),
        )
        return found and Interval(max(found.low, -self.span), min(found.high, self.span))

    def mean_error(self, at: int) -> tuple[float, float]:
        """The standard error of one mean, and its degrees of freedom; NaN where it is not known."""
        if not self.known:
            return float("nan"), 0.0
        variance = float(self.sampling[at].var(ddof=1)) + self.seed_errors[at]
        error = float(np.sqrt(variance))
        return error, _degrees(np.abs(self.draws[at]), error)

    @cached_property
    def draws(self) -> Floats:
        """Joint draws of estimate minus truth (V, B), heavy-tailed as the variances are estimates, too."""
        return self.drawn_with(self.counts, 1.0)

    def drawn_with(self, counts: Floats, patients: float) -> Floats:
        """The same with other numbers of seeds (V,), and so many times as many patients."""
        # One each, so that more competitors change nothing of the draws of those before them.
        for_normal, for_tails, for_seeds = np.random.default_rng(SEED).spawn(3)
        size, resamples = self.sampling.shape
        units = max(2.0, self.units * patients)
        normal = for_normal.normal(size=(size, resamples))
        tails = np.sqrt((units - 1) / for_tails.chisquare(units - 1, resamples))
        errors = self.sampling / np.sqrt(patients) * tails
        if not self.seeds.known:
            return np.asarray(errors)
        more = (counts - 1).sum() / max(1.0, (self.counts - 1).sum())
        degrees = np.minimum(self.seeds.degrees, _KNOWN)[:, None] * more
        if self.seeds.pooled:
            chi = for_seeds.chisquare(degrees.min(), (1, resamples))
            degrees = degrees.min(keepdims=True)
        else:
            chi = for_seeds.chisquare(degrees, (size, resamples))
        variance = self.seeds.gross[:, None] * degrees / chi - self.seeds.images[:, None]
        return np.asarray(errors + normal * np.sqrt(np.maximum(variance, 0.0) / counts[:, None]))


def _degrees(drawn: Floats, error: float) -> float:
    """With which Student's t reaches as far as 95 % of the absolute draws (B,); infinite where 1.96 do."""
    if not error > 0:
        return float("inf")
    reach = float(np.quantile(drawn, LEVEL)) / error
    if reach <= _REACHES[-1]:
        return float("inf")
    return float(np.interp(reach, _REACHES[::-1], _DEGREES[::-1]))


_DEGREES = np.geomspace(1.0, 1000.0, 500)
_REACHES = stdtrit(_DEGREES, (1 + LEVEL) / 2)
_KNOWN = 1e9  # degrees of freedom of what is known


def joint_errors(
    variants: Sequence[Figures],
    units: int,
    baselines: Sequence[Figures] = (),
    bounds: tuple[float, float] = (-np.inf, np.inf),
) -> JointErrors:
    """The errors of figures that were measured on the same images of so many units.

    Baselines, which have no seeds, come behind the variants. Resamples in which a figure is not defined
    are left out for all.
    """
    figures = [*variants, *baselines]
    every = np.stack([one.drawn.mean(axis=0) for one in figures])
    kept = np.isfinite(every).all(axis=0)
    sampling = every[:, kept] - every[:, kept].mean(axis=1, keepdims=True)
    floors = np.array([one.floor for one in figures])
    if floors.any():
        noise = np.random.default_rng(SEED + 1).normal(size=sampling.shape)
        sampling = sampling + noise * floors[:, None]
    seeds = estimate_seed_variance(
        [one.values for one in variants],
        [one.drawn[:, kept] for one in variants],
        without=len(baselines),
    )
    return JointErrors(
        names=tuple(one.name for one in figures),
        means=np.array([one.mean for one in figures]),
        sampling=sampling,
        seeds=seeds,
        counts=np.array([float(len(one.values)) for one in figures]),
        units=units,
        bounds=bounds,
    )

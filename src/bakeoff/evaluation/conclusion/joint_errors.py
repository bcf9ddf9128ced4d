"""The errors of all variants at once: how far each figure may be from the truth, drawn together.

A figure is the mean over a variant's seeds. It errs by the patients that the test set happens to have, in
which all variants share (the same resamples for everybody), and by the seeds that happened to be run, each
variant by itself. Both are drawn here; what is concluded of several variants at once rests on these draws.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtri

from bakeoff.evaluation.conclusion.known_errors import SeedPart, degrees_of_freedom
from bakeoff.evaluation.conclusion.seed_variance import SeedVariance, estimate_seed_variance
from bakeoff.evaluation.intervals import (
    SEED,
    Floats,
    Interval,
    difference_interval,
)

ROUNDS = 2.0
"""What p values are multiplied by where seeds were added round by round.

Rounds end when luck separates, and a seed that is lucky on validation is so on test. In trials
(`benchmarks/adaptive.py`) about twice as many false claims were made as without rounds.
"""


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

    bounds: what a figure can be. looks: what p values are multiplied by, 2 after rounds: see `ROUNDS`.
    """

    names: tuple[str, ...]
    means: Floats
    sampling: Floats
    seeds: SeedVariance
    counts: Floats
    units: int
    bounds: tuple[float, float] = (-np.inf, np.inf)
    looks: float = 1.0

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
        found = own[:, None] + own[None] - 2 * covariance
        scale = np.abs(self.means)
        rounding = _ROUNDED * (own[:, None] + own[None] + _ROUNDED * (scale[:, None] + scale) ** 2)
        return np.where(found > rounding, found, 0.0)

    @cached_property
    def moved(self) -> NDArray[np.bool_]:
        """Whether another draw of the images moves each figure: (V,)."""
        own = self.sampling.var(axis=1)
        return np.asarray(own > (_ROUNDED * self.means) ** 2)

    @cached_property
    def standard_errors(self) -> Floats:
        """Of each difference (V, V), by images and seeds; 0 on the diagonal."""
        seeds = self.seed_errors[:, None] + self.seed_errors[None]
        errors = np.sqrt(self.sampling_variances + seeds)
        np.fill_diagonal(errors, 0.0)
        return np.asarray(errors)

    @cached_property
    def degrees(self) -> Floats:
        """Of the standard errors of differences (V, V)."""
        found = np.full((self.size, self.size), np.inf)
        i, j = np.tril_indices(self.size, -1)
        found[i, j] = found[j, i] = self._degrees(self.sampling_variances[i, j], (i, j))
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
        sampling = float(self.sampling[at].var(ddof=1))
        (degrees,) = self._degrees(np.array([sampling]), (np.array([at]),))
        return float(np.sqrt(sampling + self.seed_errors[at])), float(degrees)

    def _degrees(self, sampling: Floats, members: tuple[NDArray[np.intp], ...]) -> Floats:
        """Of variances (m,) over images and over the seeds of these variants, (m,) each."""
        seeds = self.seeds
        parts = [
            SeedPart(
                seeds.gross[at] / self.counts[at],
                seeds.images[at] / self.counts[at],
                seeds.degrees[at],
            )
            for at in members
        ]
        if seeds.pooled:  # estimated once, for all of them
            parts = [
                SeedPart(
                    np.sum([part.gross for part in parts], axis=0),
                    np.sum([part.images for part in parts], axis=0),
                    np.min([part.degrees for part in parts], axis=0),
                )
            ]
        return degrees_of_freedom(sampling, self.units, parts, between=not seeds.pooled)

    @cached_property
    def draws(self) -> Floats:
        """Joint draws of estimate minus truth (V, B), as if the standard errors were known."""
        normal = np.random.default_rng(SEED).normal(size=self.sampling.shape)
        return np.asarray(self.sampling + normal * np.sqrt(self.seed_errors)[:, None])

    def planned(self, counts: Floats, images: float) -> "JointErrors":
        """The errors with other numbers of seeds (V,), and so many times as many images and units.

        The spread of seeds is median-unbiased: as estimated, it is more often too small than too large.
        """
        seeds = self.seeds
        if seeds.known:
            more = (counts - 1).sum() / (self.counts - 1).sum()
            degrees = np.minimum(seeds.degrees, _MANY)
            gross = seeds.gross * degrees / chdtri(degrees, 0.5)
            shared = np.minimum(gross, seeds.images)
            seeds = replace(
                seeds,
                gross=gross - shared + shared / images,
                images=seeds.images / images,
                degrees=seeds.degrees * more,
            )
        return replace(
            self,
            sampling=self.sampling / np.sqrt(images),
            seeds=seeds,
            counts=counts,
            units=round(self.units * images),
        )


_ROUNDED = 1e-13  # of two figures, or of their variances: what differences by less are is rounding
_MANY = 1e9  # as good as infinitely many degrees of freedom


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
    if kept.sum() < 2:
        kept[:] = False
    middle = every[:, kept].sum(axis=1, keepdims=True) / max(1, kept.sum())
    sampling = every[:, kept] - middle
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

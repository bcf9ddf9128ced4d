"""The conclusion of a bake-off, as `conclusion.json` holds it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from bakeoff.evaluation import intervals
from bakeoff.evaluation.conclusion.best import may_be_best, not_best_p
from bakeoff.evaluation.conclusion.joint_errors import ROUNDS, Figures, JointErrors, joint_errors
from bakeoff.evaluation.conclusion.letters import compact_letters
from bakeoff.evaluation.conclusion.pairs import Pair, compare_pairs, compare_to_one
from bakeoff.evaluation.conclusion.power import POWER, Detectable, detectable, what_more_brings
from bakeoff.evaluation.conclusion.selection import chosen_by, flattery


@dataclass(frozen=True)
class Contender:
    """One variant in the conclusion.

    p_best: the adjusted p value of its being among the best; places: the best and the worst that it may
    have; letters: it shares one with those that it is not told apart from.
    """

    name: str
    seeds: int
    may_be_best: bool
    p_best: float
    places: tuple[int, int]
    letters: str


@dataclass(frozen=True)
class SeedSpread:
    """What seeds do to a figure: the standard deviation from seed to seed, on all images there could be.

    deviation: None where no variant has two seeds; share: of the variance of a difference, the median over
    pairs; pooled: whether it is one figure for all variants, else their mean; homogeneity: its p value.
    """

    deviation: float | None
    share: float | None
    pooled: bool
    homogeneity: float | None


@dataclass(frozen=True)
class Choice:
    """Which to take: validation's choice; the leader on test, and by how much its figure is flattered."""

    validation: str | None
    leader: str
    flattery: float | None


@dataclass(frozen=True)
class Resolution:
    """What the test set could show: the difference found with this power, and what more would bring."""

    power: float
    difference: float | None
    more: tuple[Detectable, ...]


@dataclass(frozen=True)
class Conclusion:
    """All that is concluded of a bake-off by the metric; differences in the metric's own units.

    contenders: the best on test first. pairs: the better one first; a positive `difference` is in favour of
    the first, whichever direction the metric has. baseline: each variant against it, ahead or behind.
    """

    metric: str
    level: float
    resamples: int
    unit: str
    units: int
    images: int
    margin: float | None
    contenders: tuple[Contender, ...]
    pairs: tuple[Pair, ...]
    baseline: tuple[Pair, ...]
    seeds: SeedSpread
    choice: Choice | None
    resolution: Resolution

    @property
    def best(self) -> list[str]:
        """The set of the best."""
        return [one.name for one in self.contenders if one.may_be_best]

    @property
    def worse(self) -> list[str]:
        """Those outside it."""
        return [one.name for one in self.contenders if not one.may_be_best]

    @property
    def of_variants(self) -> bool:
        """Whether it is about variants; without a second seed anywhere it is about the models trained."""
        return self.seeds.deviation is not None


@dataclass(frozen=True)
class Sample:
    """On what figures were measured: so many images of so many units (`unit`: patient or image)."""

    unit: str
    units: int
    images: int


def conclude(
    metric: str,
    figures: Sequence[Figures],
    sample: Sample,
    *,
    validation: Sequence[float] = (),
    baseline: Figures | None = None,
    margin: float | None = None,
    bounds: tuple[float, float] = (-np.inf, np.inf),
    rounds: bool = False,
) -> Conclusion:
    """The conclusion on variants by figures that are higher for the better.

    `validation` has each variant's mean on validation, higher for the better. `baseline` has a single figure.
    `bounds` are what a figure can be. `rounds`: seeds were added to some of them, as validation said.
    """
    errors = joint_errors(figures, sample.units, bounds=bounds)
    errors = replace(errors, looks=ROUNDS if rounds else 1.0)
    pairs = compare_pairs(errors, margin)
    return Conclusion(
        metric=metric,
        level=intervals.LEVEL,
        resamples=errors.sampling.shape[1],
        unit=sample.unit,
        units=sample.units,
        images=sample.images,
        margin=margin,
        contenders=_contenders(errors, pairs),
        pairs=tuple(pairs),
        baseline=_against(figures, baseline, errors),
        seeds=_spread(errors),
        choice=_choice(errors, validation),
        resolution=Resolution(POWER, detectable(errors), tuple(what_more_brings(errors))),
    )


def _contenders(errors: JointErrors, pairs: Sequence[Pair]) -> tuple[Contender, ...]:
    order = [int(at) for at in np.argsort(-errors.means, kind="stable")]
    names = [errors.names[at] for at in order]
    apart = [(pair.first, pair.second) for pair in pairs if pair.answer == "better"]
    letters = compact_letters(names, apart)
    p = not_best_p(errors)
    inside = may_be_best(p)
    return tuple(
        Contender(
            name=errors.names[at],
            seeds=int(errors.counts[at]),
            may_be_best=inside[at],
            p_best=float(p[at]),
            places=(
                # The set knows more than the pairs: who is outside is not the first.
                max(
                    1 if inside[at] else 2,
                    1 + sum(worse == errors.names[at] for _, worse in apart),
                ),
                errors.size - sum(better == errors.names[at] for better, _ in apart),
            ),
            letters=letters[errors.names[at]],
        )
        for at in order
    )


def _against(
    figures: Sequence[Figures], baseline: Figures | None, errors: JointErrors
) -> tuple[Pair, ...]:
    """Each variant against the baseline, which has no seeds."""
    if baseline is None:
        return ()
    joined = joint_errors(figures, errors.units, [baseline], errors.bounds)
    joined = replace(joined, looks=errors.looks)
    return tuple(compare_to_one(joined, errors.size))


def _spread(errors: JointErrors) -> SeedSpread:
    seeds = errors.seeds
    if not seeds.known:
        return SeedSpread(None, None, seeds.pooled, seeds.homogeneity)
    at = np.tril_indices(errors.size, -1)
    whole = errors.standard_errors[at] ** 2
    own = (errors.seed_errors[:, None] + errors.seed_errors[None])[at]
    shares = own[whole > 0] / whole[whole > 0]
    return SeedSpread(
        deviation=float(np.sqrt(seeds.net.mean())),
        # Of a single unit nothing is known of what images add.
        share=float(np.median(shares)) if errors.known and len(shares) else None,
        pooled=seeds.pooled,
        homogeneity=seeds.homogeneity,
    )


def _choice(errors: JointErrors, validation: Sequence[float]) -> Choice | None:
    if not errors.size:
        return None
    chosen = chosen_by(np.array(validation, dtype=np.float64)) if len(validation) else None
    return Choice(
        validation=None if chosen is None else errors.names[chosen],
        leader=errors.names[int(errors.means.argmax())],
        flattery=_known(flattery(errors)),
    )


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None

"""Figures over repeated splits or folds, with an interval that knows that their training sets overlap.

Two splits of the same data train on many of the same images, so the figures on them are alike and their
plain standard error is too small. Nadeau and Bengio (Machine Learning 52, 2003, section 3) put 1/J + n2/n1
in the place of 1/J: J splits, n1 images to train on and n2 to test on. With J - 1 degrees of freedom that is
the corrected resampled t-test, which k folds are given as well (Bouckaert and Frank, PAKDD 2004).

Few splits may happen to agree, above all in figures that move in steps of an image, as an accuracy. The
variance between splits is therefore taken to be no smaller than what images and seeds do on one of them, by
the interval of the pair there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy.special import stdtr

from bakeoff.evaluation import intervals
from bakeoff.evaluation.conclusion.joint_errors import ROUNDS
from bakeoff.evaluation.conclusion.pairs import Answer, holm
from bakeoff.evaluation.intervals import LEVEL, Floats, Interval
from bakeoff.evaluation.several.parts import Part
from bakeoff.task.classification import Metric


@dataclass(frozen=True)
class OverSplits:
    """A variant over J splits: the mean of its figures, their standard deviation, the corrected interval.

    values: (J,), each the mean over the seeds; may_be_best: no other variant is shown to be better.
    """

    name: str
    values: tuple[float, ...]
    mean: float
    deviation: float
    low: float | None
    high: float | None
    may_be_best: bool


@dataclass(frozen=True)
class SplitPair:
    """The first variant against the second over the same splits; a positive `difference` is in its favour.

    low, high: the corrected interval of this difference alone; p: two-sided, p_holm: adjusted for all pairs;
    p_equivalent: Holm's, of a difference beyond the margin, None without one.
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


@dataclass(frozen=True)
class Resplits:
    """All variants that have a result on every split, the best first; overlap: n2/n1."""

    overlap: float
    variants: tuple[OverSplits, ...]
    pairs: tuple[SplitPair, ...]
    incomplete: tuple[str, ...]  # variants that lack a split

    @property
    def best(self) -> list[str]:
        """Those of which none is shown to be worse than another."""
        return [one.name for one in self.variants if one.may_be_best]


def corrected_error(values: Floats, overlap: float, least: float = 0.0) -> float:
    """The standard error of the mean of figures (J,), J at least 2, on splits of the same data.

    least: the variance that they have at least.
    """
    # What rounding makes of equal figures is no spread.
    variance = 0.0 if np.ptp(values) <= 1e-12 else float(values.var(ddof=1))
    return float(np.sqrt((1 / len(values) + overlap) * max(variance, least)))


def over_splits(
    parts: Sequence[Part], metric: Metric, margin: float | None = None, *, rounds: bool = False
) -> Resplits:
    """The variants over all the parts; p values are multiplied by ROUNDS where seeds came in `rounds`."""
    found: dict[str, Floats] = {}
    incomplete = []
    for variant in parts[0].variants:
        by_part = [part.by_seed(variant.name, metric) for part in parts]
        means = np.array([own.mean() if len(own) else np.nan for own in by_part])
        if np.isfinite(means).all():
            found[variant.name] = means
        else:
            incomplete.append(variant.name)
    overlap = float(np.mean([part.images["test"] / part.images["train"] for part in parts]))
    names = sorted(found, key=lambda name: -metric.sign * float(found[name].mean()))
    pairs = _pairs(names, found, overlap, metric, margin, _within(parts), ROUNDS if rounds else 1.0)
    beaten = {pair.second for pair in pairs if pair.answer == "better"}
    variants = []
    for name in names:
        interval = _interval(found[name], overlap, metric)
        variants.append(
            OverSplits(
                name=name,
                values=tuple(found[name].tolist()),
                mean=float(found[name].mean()),
                deviation=float(found[name].std(ddof=1)),
                low=None if interval is None else interval.low,
                high=None if interval is None else interval.high,
                may_be_best=name not in beaten,
            )
        )
    return Resplits(overlap, tuple(variants), tuple(pairs), tuple(incomplete))


def _interval(values: Floats, overlap: float, metric: Metric) -> Interval | None:
    mean, error, degrees = float(values.mean()), corrected_error(values, overlap), len(values) - 1
    if not metric.bounded:
        return intervals.positive_interval(mean, error, degrees)
    return intervals.share_interval(mean, error, degrees) if 0 < mean < 1 else None


def _pairs(
    names: Sequence[str],
    found: dict[str, Floats],
    overlap: float,
    metric: Metric,
    margin: float | None,
    within: Mapping[frozenset[str], float],
    times: float,
) -> list[SplitPair]:
    members = list(combinations(names, 2))
    gaps = [metric.sign * (found[first] - found[second]) for first, second in members]
    least = [within.get(frozenset(pair), 0.0) for pair in members]
    alone = np.array([_p(gap, overlap, at) for gap, at in zip(gaps, least, strict=True)])
    alone = np.minimum(1.0, times * alone)
    adjusted = holm(alone)
    equal = None
    if margin is not None:
        beyond = [
            _below(np.abs(gap.mean()) - margin, gap, overlap, at)
            for gap, at in zip(gaps, least, strict=True)
        ]
        equal = np.minimum(1.0, times * holm(np.array(beyond)))
    pairs = []
    for at, ((first, second), gap) in enumerate(zip(members, gaps, strict=True)):
        difference = float(gap.mean())
        interval = intervals.difference_interval(
            difference, corrected_error(gap, overlap, least[at]), len(gap) - 1
        )
        same = None if equal is None else float(equal[at])
        answer: Answer = "cannot be told"
        if adjusted[at] <= 1 - LEVEL:
            answer = "better"
        elif same is not None and same <= 1 - LEVEL:
            answer = "equivalent"
        pairs.append(
            SplitPair(
                first=first,
                second=second,
                difference=difference,
                low=None if interval is None else interval.low,
                high=None if interval is None else interval.high,
                p=float(alone[at]),
                p_holm=float(adjusted[at]),
                p_equivalent=same,
                answer=answer,
            )
        )
    return pairs


def _within(parts: Sequence[Part]) -> dict[frozenset[str], float]:
    """The variance of the difference of two variants on one split, by its own intervals, over the splits."""
    found: dict[frozenset[str], list[float]] = {}
    for pair in (pair for part in parts if part.conclusion for pair in part.conclusion.pairs):
        if pair.low is not None and pair.high is not None:
            error = (pair.high - pair.low) / 2 / intervals.quantile(np.inf)
            found.setdefault(frozenset((pair.first, pair.second)), []).append(error**2)
    return {pair: float(np.mean(variances)) for pair, variances in found.items()}


def _p(gap: Floats, overlap: float, least: float = 0.0) -> float:
    """The two-sided p value of a mean difference (J,)."""
    return min(1.0, 2 * _below(-abs(float(gap.mean())), gap, overlap, least))


def _below(distance: float, gap: Floats, overlap: float, least: float = 0.0) -> float:
    """The probability of a mean below `distance` from its middle: t's lower tail."""
    error = corrected_error(gap, overlap, least)
    if error == 0:  # figures in steps of an image: nothing is known of how far they spread
        return 1.0
    return float(stdtr(len(gap) - 1, distance / error))

"""Calibration of each variant: reliability curve, expected calibration error, parts of the Brier score."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bakeoff.evaluation import calibration as measured
from bakeoff.evaluation.clustered import Estimate
from bakeoff.evaluation.intervals import Floats, Interval, perfect_share_interval
from bakeoff.report.evidence import Evidence, RunEvidence
from bakeoff.task.classification import OneVsRest
from bakeoff.task.measures import measures_of


@dataclass(frozen=True)
class CurvePoint:
    """A bin of the reliability curve, means over seeds; low and high are NaN where they are not known."""

    score: float
    share: float
    low: float
    high: float


@dataclass(frozen=True)
class Figures:
    """What is measured of one class or finding, or the mean over several; each a mean over seeds.

    by_chance: about what the expected error is of a perfectly calibrated model; beyond: mean score less the
    share of positives.
    """

    error: float
    by_chance: float
    beyond: float
    brier: float
    reliability: float
    resolution: float
    uncertainty: float
    within: float


@dataclass(frozen=True)
class VariantCalibration:
    """Of a variant: its curve, its figures, and those of each class or finding where there are several.

    each_error: the mean over them of the expected error, NaN where there is only one.
    """

    name: str
    seeds: int
    points: list[CurvePoint]
    figures: Figures
    each: dict[str, Figures]
    each_error: float


@dataclass(frozen=True)
class Calibration:
    """Of all variants, in the report's order.

    of: what a score is the probability of; mean: whether the figures are means over classes or findings;
    bins: how many, of how many images each at least.
    """

    of: str
    mean: bool
    variants: list[VariantCalibration]
    bins: int
    images: int
    units: int

    @property
    def each(self) -> list[str]:
        """The classes or findings that are told by themselves."""
        return list(self.variants[0].each)


def calibration(evidence: Evidence) -> Calibration | None:
    """The calibration of every finished variant; None where no run has predictions."""
    variants = [
        _variant(name, runs, evidence)
        for name, runs in evidence.finished()
        if any(run.test is not None for run in runs)
    ]
    test = next((run.test for run in evidence.runs if run.finished and run.test is not None), None)
    if not variants or test is None:
        return None
    confident = measures_of(evidence.task).confidence(test.labels, test.scores)
    return Calibration(
        of=evidence.words.probability if confident or not variants[0].each else "a finding",
        mean=confident is None and bool(variants[0].each),
        variants=variants,
        bins=measured.bin_count(len(test.labels)),
        images=len(test.labels),
        units=test.unit_count,
    )


def _variant(name: str, runs: Sequence[RunEvidence], evidence: Evidence) -> VariantCalibration:
    measures = measures_of(evidence.task)
    tests = [run.test for run in runs if run.test is not None]
    views = [list(evidence.task.one_vs_rest(test.labels, test.scores)) for test in tests]
    sure = [measures.confidence(test.labels, test.scores) for test in tests]
    each: dict[str, Figures] = {}
    if len(views[0]) > 1:
        for of_seeds in zip(*views, strict=True):
            if 0 < of_seeds[0].labels.sum() < len(of_seeds[0].labels):
                each[of_seeds[0].name] = _mean([_figures(view) for view in of_seeds])
    whole = [view for view in sure if view is not None]
    if whole:
        figures = _mean([_figures(view) for view in whole])
    elif each:
        figures = _mean(list(each.values()))
    else:
        figures = _mean([_figures(of_seed[0]) for of_seed in views])
    curves = whole or [_together(of_seed) for of_seed in views]
    return VariantCalibration(
        name=name,
        seeds=len(tests),
        points=_points(curves, tests[0].units, tests[0].unit_count),
        figures=figures,
        each=each,
        each_error=float(np.mean([one.error for one in each.values()])) if each else np.nan,
    )


def _figures(view: OneVsRest) -> Figures:
    found = measured.reliability(view.labels, view.scores)
    parts = measured.brier_parts(view.labels, view.scores, found)
    return Figures(
        error=measured.expected_error(found),
        by_chance=measured.error_by_chance(found, view.scores),
        beyond=float(view.scores.mean() - view.labels.mean()),
        brier=parts.brier,
        reliability=parts.reliability,
        resolution=parts.resolution,
        uncertainty=parts.uncertainty,
        within=parts.within,
    )


def _mean(several: Sequence[Figures]) -> Figures:
    names = Figures.__dataclass_fields__
    return Figures(
        **{name: float(np.mean([getattr(one, name) for one in several])) for name in names}
    )


def _together(views: Sequence[OneVsRest]) -> OneVsRest:
    """All classes or findings as one, an image once for each."""
    labels = np.stack([view.labels for view in views], axis=1).reshape(-1)
    scores = np.stack([view.scores for view in views], axis=1).reshape(-1)
    return OneVsRest("", labels, scores)


def _points(
    curves: Sequence[OneVsRest], units: np.ndarray[tuple[int], np.dtype[np.int64]], count: int
) -> list[CurvePoint]:
    """The bins' means over seeds; patients are clusters, the bins those of each seed's own scores."""
    times = len(curves[0].labels) // len(units)  # an image once for each of the findings
    patients = np.repeat(units, times)
    bins = measured.bin_count(len(units))
    found = [measured.reliability(view.labels, view.scores, bins) for view in curves]
    points = []
    for at in range(bins):
        there = [i for i, one in enumerate(found) if one.counts[at]]
        if not there:
            continue
        shares = [float(found[i].shares[at]) for i in there]
        influence: Floats = np.mean(
            [measured.share_influences(curves[i].labels, found[i], at) for i in there], axis=0
        )
        sums = np.bincount(patients, weights=influence, minlength=count)
        error = float(np.sqrt((sums**2).sum() * count / max(1, count - 1)))
        estimate = Estimate(float(np.mean(shares)), error, count - 1.0).over_seeds(shares)
        if set(shares) in ({0.0}, {1.0}):  # which no sum of influences moves
            within = [len(np.unique(patients[found[i].of == at])) for i in there]
            ends: Interval | None = perfect_share_interval(shares[0], min(within))
        else:
            ends = estimate.share_interval() if error > 0 else None
        low, high = ends or (np.nan, np.nan)
        score = float(np.mean([found[i].scores[at] for i in there]))
        points.append(CurvePoint(score, estimate.value, low, high))
    return points

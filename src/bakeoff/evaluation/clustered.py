"""Cluster-robust standard errors without resampling, from influences summed by patient.

The report's diagnostics make many comparisons, and a bootstrap for each would take minutes. An image's
influence is what it adds to a figure; the influences of a patient's images are summed, and patients are
independent (for the AUROC: Obuchowski, Biometrics 1997).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bakeoff.evaluation import intervals
from bakeoff.evaluation.intervals import Floats, Interval
from bakeoff.task.influences import of_auroc, placements

Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Estimate:
    """A figure with its standard error and the error's degrees of freedom."""

    value: float
    error: float
    degrees: float

    def interval(self, among: int = 1) -> Interval | None:
        """The 95 % interval, corrected for `among` simultaneous ones (Bonferroni). None if unknown."""
        level = 1 - (1 - intervals.LEVEL) / max(1, among)
        return intervals.difference_interval(self.value, self.error, self.degrees, level)

    def share_interval(self) -> Interval | None:
        """The 95 % interval of what can only be in 0..1, such as an AUROC. None if unknown."""
        if 0 < self.value < 1:
            return intervals.share_interval(self.value, self.error, self.degrees)
        found = self.interval()
        return found and Interval(max(0.0, found.low), min(1.0, found.high))

    def minus(self, other: "Estimate") -> "Estimate":
        """The difference to an independent estimate."""
        parts = [(self.error, self.degrees), (other.error, other.degrees)]
        error = float(np.hypot(self.error, other.error))
        return Estimate(self.value - other.value, error, intervals.effective_degrees(parts))

    def over_seeds(self, values: Sequence[float]) -> "Estimate":
        """The estimate with the spread of its `values` by seed added; unchanged where there is one seed."""
        if len(values) < 2:
            return self
        spread = float(np.std(values, ddof=1)) / len(values) ** 0.5
        parts = [(self.error, self.degrees), (spread, len(values) - 1.0)]
        error = float(np.hypot(self.error, spread))
        return Estimate(self.value, error, intervals.effective_degrees(parts))


def mean(values: Floats, units: Labels) -> Estimate:
    """The mean of values (n,) whose images belong to units (n,), numbered from 0."""
    value = float(values.mean())
    return _estimate(value, (values - value) / len(values), units)


def class_mean(values: Floats, labels: Labels, units: Labels) -> Estimate:
    """The mean of the two classes' means of values (n,): a balanced accuracy, for right or wrong."""
    influence = np.zeros(len(values))
    means = []
    for label in (0, 1):
        members = labels == label
        means.append(float(values[members].mean()))
        influence[members] = (values[members] - means[-1]) / members.sum() / 2
    return _estimate(float(np.mean(means)), influence, units)


def auroc(labels: Labels, scores: Sequence[Floats], units: Labels) -> Estimate:
    """The mean AUROC of several scorings (n,) of the same images, their own spread left out.

    A perfect ranking has no influences; it gets the width of Newcombe's interval.
    """
    return mean_auroc([(labels, scores)], units)


def mean_auroc(rankings: Sequence[tuple[Labels, Sequence[Floats]]], units: Labels) -> Estimate:
    """The mean over classes or findings of `auroc`, each with labels (n,) 0/1 and scorings of its own.

    Where every ranking is perfect, the rarest of them says how wide the interval is.
    """
    influences = [
        np.mean([of_auroc(labels, each) for each in scores], axis=0) for labels, scores in rankings
    ]
    values = [
        float(np.mean([placements(labels, each)[0].mean() for each in scores]))
        for labels, scores in rankings
    ]
    value = float(np.mean(values))
    found = _estimate(value, np.mean(influences, axis=0), units)
    if value not in (0.0, 1.0):
        return found
    widths = []
    for labels, _ in rankings:
        ill, well = (len(np.unique(units[labels == label])) for label in (1, 0))
        low, high = intervals.perfect_auroc_interval(value, ill, well)
        widths.append(high - low)
    return Estimate(value, max(widths) / intervals.quantile(np.inf), found.degrees)


def _estimate(value: float, influence: Floats, units: Labels) -> Estimate:
    count = int(units.max()) + 1
    sums = np.bincount(units, weights=influence, minlength=count)
    spread = float((sums**2).sum()) * count / (count - 1) if count > 1 else np.nan
    return Estimate(value, float(np.sqrt(spread)), count - 1)

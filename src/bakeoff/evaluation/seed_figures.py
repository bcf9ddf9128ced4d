"""Means over seeds of any metric, on all test images or some of them, with draws that are joint for all.

The primary metric's own interval resamples every image 2,000 times. What stands beside it, every metric of
every variant, subgroup by subgroup, takes the same draws of patients to first order: by the influences of
images (`bakeoff.task.influences`), which is exact for means and as good as the standard error elsewhere, and
takes seconds where resampling would take hours.
"""

import copy
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bakeoff.evaluation.conclusion.joint_errors import Figures
from bakeoff.evaluation.intervals import RESAMPLES, SEED, Floats
from bakeoff.evaluation.metrics import perfect_error
from bakeoff.evaluation.predictions import Predictions
from bakeoff.task.classification import Metric
from bakeoff.task.measures import measures_of

Thresholds = dict[str, float]
Members = NDArray[np.bool_]

_CELLS = 8_000_000  # counts held at once: 64 MB
_FEWEST = 200  # draws, whatever the number of patients


class PatientDraws:
    """Draws of the test patients with replacement, the same for everything that is asked of them."""

    def __init__(self, units: NDArray[np.int64]) -> None:
        """From the patient of each image (n,), numbered from 0."""
        self.units = units
        self.count = int(units.max()) + 1
        draws = int(np.clip(_CELLS // self.count, _FEWEST, RESAMPLES))
        generator = np.random.default_rng(SEED)
        even = np.full(self.count, 1 / self.count)
        self._more = generator.multinomial(self.count, even, size=draws).T - 1.0

    def of_images(self, units: NDArray[np.int64]) -> "PatientDraws":
        """The same draws for other images, of which `units` (n,) has the patients by their numbers here."""
        other = copy.copy(self)
        other.units = units
        return other

    def of(self, influences: Floats) -> Floats:
        """How far each draw moves a figure, from what every image adds to it (n,): (B,)."""
        sums = np.bincount(self.units, weights=influences, minlength=self.count)
        # What is centred over images is not over patients; a finite sample has one degree less.
        scale = np.sqrt(self.count / max(1, self.count - 1))
        return np.asarray(scale * (sums @ self._more))


def seed_figures(
    name: str,
    tests: Sequence[tuple[Predictions, Thresholds]],
    metric: Metric,
    draws: PatientDraws,
    members: Members | None = None,
) -> Figures:
    """A variant's metric by seed, with draws; of the members (n,) alone. NaN where it is not defined."""
    values, drawn = [], []
    for test, thresholds in tests:
        measures = measures_of(test.task)
        everyone = np.ones(len(test.labels), dtype=np.bool_)
        chosen = everyone if members is None else members
        labels, scores = test.labels[chosen], test.scores[chosen]
        influences = np.zeros(len(test.labels))
        if len(labels):
            even = np.ones((1, len(labels)))
            found = measures.resampled(labels, scores, thresholds, even, [metric.name])
            values.append(float(found[metric.name][0]))
            influences[chosen] = measures.influences(metric.name, labels, scores, thresholds)
        else:
            values.append(np.nan)
        drawn.append(draws.of(influences))
    own = np.array(values)
    inside = tests[0][0] if members is None else part_of(tests[0][0], members)
    floor = perfect_error(metric, float(own.mean()), inside)
    return Figures(name, own, own[:, None] + np.stack(drawn), floor)


def part_of(test: Predictions, members: Members) -> Predictions:
    """The predictions of the members (n,) alone, their patients numbered anew."""
    _, units = np.unique(test.units[members], return_inverse=True)
    return Predictions(
        test.path,
        test.task,
        test.images[members],
        units,
        test.labels[members],
        test.scores[members],
        test.by_patient,
    )

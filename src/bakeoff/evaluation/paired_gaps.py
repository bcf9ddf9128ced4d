"""The intervals of a comparison's rows: of each mean, and of its paired differences."""

from collections.abc import Mapping, Sequence

import numpy as np

from bakeoff.evaluation import intervals
from bakeoff.evaluation.conclusion.joint_errors import JointErrors, joint_errors
from bakeoff.evaluation.metrics import metric_interval
from bakeoff.evaluation.scored import ScoredCompetitor, bounds
from bakeoff.task.classification import Metric

GAPS = ("best", "baseline")


class PairedGaps:
    """Competitors, the variants before the baselines, and those of them that differences are to, by name."""

    def __init__(
        self,
        competitors: Sequence[ScoredCompetitor],
        references: Mapping[str, ScoredCompetitor | None],
        metric: Metric,
    ) -> None:
        self.metric = metric
        self.references = references
        self.places = {each.name: at for at, each in enumerate(competitors)}
        self.errors = self._errors(competitors)

    @staticmethod
    def _errors(competitors: Sequence[ScoredCompetitor]) -> JointErrors | None:
        if not competitors:
            return None
        kinds: dict[str, list[ScoredCompetitor]] = {"variant": [], "baseline": []}
        for each in competitors:
            kinds[each.competitor.kind].append(each)
        return joint_errors(
            [each.figures() for each in kinds["variant"]],
            competitors[0].test.unit_count,
            [each.figures() for each in kinds["baseline"]],
            bounds(competitors[0].metric),
        )

    def interval(self, own: ScoredCompetitor) -> intervals.Interval | None:
        """Of a mean: test patients and seeds sampled. None where it is not known."""
        if self.errors is None or own.name not in self.places:
            return None
        error, degrees = self.errors.mean_error(self.places[own.name])
        return metric_interval(self.metric, own.mean, error, degrees, own.test)

    def gap(self, own: ScoredCompetitor, to: str) -> tuple[float, float, float] | None:
        """The difference to `best` or `baseline` with its paired interval, in the metric's own units.

        The ends are NaN where they are not known; None where there is nothing to differ from.
        """
        other = self.references[to]
        if self.errors is None or other is None or own.name == other.name:
            return None
        if own.name not in self.places or other.name not in self.places:
            return None
        i, j = self.places[own.name], self.places[other.name]
        difference = own.mean - other.mean
        found = self.errors.interval(i, j)
        if found is None:
            return difference, np.nan, np.nan
        low, high = sorted((self.metric.sign * found.low, self.metric.sign * found.high))
        return difference, low, high

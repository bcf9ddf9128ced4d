"""Competitors with their figures by the primary metric: by seed, over resamples, as an ensemble."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bakeoff.evaluation import intervals
from bakeoff.evaluation.competitors import Competitor, Entry
from bakeoff.evaluation.conclusion.joint_errors import Figures
from bakeoff.evaluation.intervals import Floats, Interval
from bakeoff.evaluation.metrics import metric_interval, perfect_error, too_few
from bakeoff.evaluation.predictions import Predictions, read_predictions
from bakeoff.task.classification import Metric
from bakeoff.task.measures import measures_of

Thresholds = dict[str, float]


@dataclass(frozen=True)
class Ensemble:
    """The mean of a variant's seeds as one model: its figure, with the interval over the test images."""

    value: float
    interval: Interval | None


@dataclass(frozen=True)
class ScoredCompetitor:
    """A competitor's test figure, of the primary metric, with what is needed to compare it.

    values: over the finished seeds (k,); drawn: the same in each resample (k, resamples).
    """

    competitor: Competitor
    metric: Metric
    values: Floats
    drawn: Floats
    ensemble: Ensemble | None

    @property
    def name(self) -> str:
        """Of the variant or baseline."""
        return self.competitor.name

    @property
    def mean(self) -> float:
        """Mean over the finished seeds."""
        return float(self.values.mean())

    @property
    def test(self) -> Predictions:
        """Test predictions of one seed: all have the same images."""
        return self.competitor.entries[0].test

    def figures(self) -> Figures:
        """The figures turned so that higher is better; with too few of a class no draw says anything."""
        sign = self.metric.sign
        floor = perfect_error(self.metric, self.mean, self.test)
        drawn = sign * self.drawn
        sides = measures_of(self.test.task).sides(
            self.metric.name, self.test.labels, self.test.units
        )
        if too_few(sides):
            drawn, floor = np.full_like(drawn, np.nan), 0.0
        return Figures(self.name, sign * self.values, drawn, floor)


def score(competitors: Sequence[Competitor], metric: Metric) -> list[ScoredCompetitor]:
    """The figures of competitors with at least one finished run, all over the same resamples."""
    models = [_models(each) for each in competitors]
    drawn = _resampled(competitors[0].entries[0].test, models, metric) if competitors else []
    return [
        _scored(each, own, over, metric)
        for each, own, over in zip(competitors, models, drawn, strict=True)
    ]


def bounds(metric: Metric) -> tuple[float, float]:
    """What a figure can be that is turned so that higher is better."""
    low, high = metric.sign * 0.0, metric.sign * (1.0 if metric.bounded else np.inf)
    return min(low, high), max(low, high)


def figure(entry: Entry, split: str, name: str) -> float:
    """A metric of an entry; NaN where it is not defined, or its version did not know it yet."""
    value = entry.metrics[split].get(name)
    return float("nan") if value is None else float(value)


Model = tuple[Floats, Thresholds]
"""Scores on the test images, as the task has them, and the thresholds to call by."""


def _models(competitor: Competitor) -> list[Model]:
    """A competitor's runs, and behind them, where there are several, the runs as one."""
    measures = measures_of(competitor.entries[0].test.task)
    models = [
        (entry.test.scores, measures.thresholds_in(entry.metrics)) for entry in competitor.entries
    ]
    return [*models, _together(competitor.entries)] if len(models) > 1 else models


def _resampled(
    test: Predictions, models: Sequence[Sequence[Model]], metric: Metric
) -> list[Floats]:
    """The metric of each competitor's models in each resample: (models, resamples) for each competitor."""
    measures, name = measures_of(test.task), metric.name
    drawn: list[list[Floats]] = [[] for _ in models]
    for weights in intervals.resample_weights(test.units):
        for own, chunks in zip(models, drawn, strict=True):
            over = [
                measures.resampled(test.labels, scores, thresholds, weights, [name])[name]
                for scores, thresholds in own
            ]
            chunks.append(np.stack(over))
    return [np.concatenate(chunks, axis=1) for chunks in drawn]


def _scored(
    competitor: Competitor, models: Sequence[Model], drawn: Floats, metric: Metric
) -> ScoredCompetitor:
    test, runs = competitor.entries[0].test, len(competitor.entries)
    values = np.array([figure(entry, "test", metric.name) for entry in competitor.entries])
    ensemble = _ensemble(test, models[-1], drawn[-1], metric) if runs > 1 else None
    return ScoredCompetitor(competitor, metric, values, drawn[:runs], ensemble)


def _together(entries: Sequence[Entry]) -> Model:
    """The mean of the seeds' scores, with thresholds that validation chooses for them."""
    vals = [
        read_predictions(entry.folder / "predictions" / "val.csv", entry.test.task)
        for entry in entries
    ]
    mean = np.mean([val.scores for val in vals], axis=0)
    thresholds = measures_of(vals[0].task).thresholds(vals[0].labels, mean)
    return np.mean([entry.test.scores for entry in entries], axis=0), thresholds


def _ensemble(test: Predictions, model: Model, drawn: Floats, metric: Metric) -> Ensemble:
    scores, thresholds = model
    even = np.ones((1, len(test.labels)))
    found = measures_of(test.task).resampled(test.labels, scores, thresholds, even, [metric.name])
    value = float(found[metric.name][0])
    if not np.isfinite(value):
        return Ensemble(value, None)
    error = intervals.standard_error(drawn)
    return Ensemble(value, metric_interval(metric, value, error, test.unit_count - 1, test))

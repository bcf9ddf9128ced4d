"""What the evaluation asks of a task: its metrics once and over resamples, its thresholds, its baselines."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from bakeoff.task.classification import ClassificationTask, Labels, OneVsRest, Scores
from bakeoff.task.influences import of_mean
from bakeoff.task.resampled_metrics import Floats, share

Thresholds = Mapping[str, float]
"""The decision thresholds by the names of what is scored; empty where none are needed."""

Support = tuple[int, ...] | None
"""What a perfect figure rests on: units of a share (n,), of an AUROC (positive, negative); None: unknown."""


class Measures(ABC):
    """The computations of one task, over labels and scores as `ClassificationTask` has them."""

    criterion: ClassVar[str]  # by which the thresholds are chosen; empty where there are none
    view_metrics: ClassVar[tuple[str, ...]] = ("auroc", "average_precision")

    def __init__(self, task: ClassificationTask) -> None:
        self.task = task

    @abstractmethod
    def thresholds(self, labels: Labels, scores: Scores) -> dict[str, float]:
        """The thresholds that validation's labels and scores choose."""

    @abstractmethod
    def values(self, labels: Labels, scores: Scores, thresholds: Thresholds) -> dict[str, float]:
        """Every metric of the task by its name, by scikit-learn; NaN where it is not defined."""

    def resampled(
        self,
        labels: Labels,
        scores: Scores,
        thresholds: Thresholds,
        weights: Floats,
        names: Sequence[str],
    ) -> dict[str, Floats]:
        """The named metrics under weights (b, n), by name: (b,) each."""
        others = self.over_classes(labels, scores, thresholds, weights)

        def resample(name: str) -> Floats:
            each = self.of_each(name, labels, scores, thresholds)
            return others[name]() if each is None else share(each, weights)

        return {name: resample(name) for name in names}

    @abstractmethod
    def of_each(
        self, name: str, labels: Labels, scores: Scores, thresholds: Thresholds
    ) -> Floats | None:
        """A metric that is a mean over images, of each of them (n,); None for any other metric."""

    @abstractmethod
    def over_classes(
        self, labels: Labels, scores: Scores, thresholds: Thresholds, weights: Floats
    ) -> dict[str, Callable[[], Floats]]:
        """The other metrics under weights (b, n) by name: functions that compute them, (b,) each."""

    def influences(
        self, name: str, labels: Labels, scores: Scores, thresholds: Thresholds
    ) -> Floats:
        """What each image adds to a metric (n,): its derivative by the image's weight."""
        each = self.of_each(name, labels, scores, thresholds)
        if each is not None:
            return of_mean(each)
        return self.influences_over_classes(labels, scores, thresholds)[name]()

    @abstractmethod
    def influences_over_classes(
        self, labels: Labels, scores: Scores, thresholds: Thresholds
    ) -> dict[str, Callable[[], Floats]]:
        """The influences (n,) on the metrics of `over_classes`, by name."""

    def confidence(self, labels: Labels, scores: Scores) -> OneVsRest | None:
        """Whether what is called is right, and how sure of it the scores are.

        None where each score is a probability by itself, so that there is no one class that is called.
        """
        return None

    @abstractmethod
    def support(self, name: str, labels: Labels, units: NDArray[np.int64]) -> Support:
        """What a perfect value of a metric rests on, counted in units (n,)."""

    def sides(self, name: str, labels: Labels, units: NDArray[np.int64]) -> tuple[int, ...]:
        """How many units (n,) there are of each class that a metric is about; empty where it is about all."""
        return ()

    def rarest(self, name: str, labels: Labels, units: NDArray[np.int64]) -> int | None:
        """How many units (n,) the rarest class has that a metric is about; None where it is about images."""
        return min(self.sides(name, labels, units), default=None)

    @abstractmethod
    def epoch(self, labels: Labels, scores: Scores) -> dict[str, float]:
        """`acc` and `auc` of an epoch, for history.csv: no threshold is chosen yet."""

    @abstractmethod
    def prevalence(self, labels: Labels) -> Any:
        """The share of class 1, or of each class or finding by name: plain JSON."""

    @abstractmethod
    def details(self, labels: Labels, scores: Scores, thresholds: Thresholds) -> dict[str, Any]:
        """What metrics.json says beside the metrics: a figure for each class or finding, confusion; JSON."""

    @abstractmethod
    def prior(self, labels: Labels) -> Scores:
        """The scores (1,) or (1, K) of somebody who knows how frequent the labels are, and nothing else."""

    @abstractmethod
    def fit(self, estimator: Any, features: Any, labels: Labels) -> Any:
        """A scikit-learn classifier trained on features (n, d)."""

    @abstractmethod
    def scores(self, classifier: Any, features: Any) -> Scores:
        """The scores of what `fit` returned."""

    def selected(self, labels: Labels, scores: Scores, name: str) -> float:
        """The metric `name` of an epoch, at thresholds of 0.5."""
        halves = dict.fromkeys(self.task.scored, 0.5)
        even = np.ones((1, len(labels)))
        return float(self.resampled(labels, scores, halves, even, (name,))[name][0])

    def threshold_record(self, thresholds: Thresholds) -> dict[str, Any] | None:
        """The thresholds as metrics.json has them; None where there are none."""
        return {"values": dict(thresholds), "criterion": self.criterion} if thresholds else None

    def thresholds_in(self, metrics: Mapping[str, Any]) -> dict[str, float]:
        """The thresholds that metrics.json has."""
        return dict((metrics.get("threshold") or {}).get("values", {}))


def units_of_sides(labels: Labels, units: NDArray[np.int64]) -> tuple[int, int]:
    """How many units (n,) have an image with label 1, and with label 0; some may have both."""
    ill, well = (len(np.unique(units[labels == label])) for label in (1, 0))
    return ill, well


def mean_of_defined(values: Sequence[Floats]) -> Floats:
    """The mean over classes (b,) of values (b,) each, where a class has none (NaN) of the others."""
    stacked = np.stack(values)
    defined = np.isfinite(stacked)
    total = np.where(defined, stacked, 0.0).sum(axis=0)
    count = defined.sum(axis=0)
    means: Floats = np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)
    return means


def mean_defined(values: Sequence[float]) -> float:
    """The mean of the values that are not NaN; NaN where none is."""
    defined = [value for value in values if np.isfinite(value)]
    return float(np.mean(defined)) if defined else float("nan")

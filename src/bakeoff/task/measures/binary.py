"""The figures of a binary task: of class 1, which is called where the score reaches the threshold."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bakeoff.task.classification import Labels, Scores
from bakeoff.task.influences import of_auroc, of_average_precision, of_share
from bakeoff.task.measures.measures import Measures, Support, Thresholds, units_of_sides
from bakeoff.task.resampled_metrics import Floats, auroc, average_precision, log_losses, share
from bakeoff.task.thresholds import CRITERION, choose_threshold


class BinaryMeasures(Measures):
    """AUROC and its like for scores (n,) of class 1."""

    criterion = CRITERION

    def thresholds(self, labels: Labels, scores: Scores) -> dict[str, float]:
        """The one threshold."""
        return {self.task.scored[0]: choose_threshold(labels, scores)}

    def values(self, labels: Labels, scores: Scores, thresholds: Thresholds) -> dict[str, float]:
        """Every metric; class 1 is called where score >= threshold (0.5 for `_at_half`)."""
        from sklearn import metrics  # training does not wait for it

        called = self.task.called(scores, thresholds)
        values = {
            "auroc": metrics.roc_auc_score(labels, scores),
            "accuracy": metrics.accuracy_score(labels, called),
            "balanced_accuracy": metrics.balanced_accuracy_score(labels, called),
            "sensitivity": metrics.recall_score(labels, called, pos_label=1, zero_division=0.0),
            "specificity": metrics.recall_score(labels, called, pos_label=0, zero_division=0.0),
            "pr_auc": metrics.average_precision_score(labels, scores),
            "brier": metrics.brier_score_loss(labels, scores),
            "accuracy_at_half": metrics.accuracy_score(labels, scores >= 0.5),
            "log_loss": metrics.log_loss(labels, scores, labels=[0, 1]),
        }
        return {name: float(value) for name, value in values.items()}

    def over_classes(
        self, labels: Labels, scores: Scores, thresholds: Thresholds, weights: Floats
    ) -> dict[str, Callable[[], Floats]]:
        """Those of rankings, and of one class or both."""
        called = self.task.called(scores, thresholds)

        def sensitivity() -> Floats:
            return share(called == 1, weights * labels)

        def specificity() -> Floats:
            return share(called == 0, weights * (1 - labels))

        return {
            "auroc": lambda: auroc(labels, scores, weights),
            "balanced_accuracy": lambda: (sensitivity() + specificity()) / 2,
            "sensitivity": sensitivity,
            "specificity": specificity,
            "pr_auc": lambda: average_precision(labels, scores, weights),
        }

    def influences_over_classes(
        self, labels: Labels, scores: Scores, thresholds: Thresholds
    ) -> dict[str, Callable[[], Floats]]:
        """Of rankings, and of the shares of one class or both."""
        called = self.task.called(scores, thresholds)

        def sensitivity() -> Floats:
            return of_share(called == 1, labels == 1)

        def specificity() -> Floats:
            return of_share(called == 0, labels == 0)

        return {
            "auroc": lambda: of_auroc(labels, scores),
            "balanced_accuracy": lambda: (sensitivity() + specificity()) / 2,
            "sensitivity": sensitivity,
            "specificity": specificity,
            "pr_auc": lambda: of_average_precision(labels, scores),
        }

    def of_each(
        self, name: str, labels: Labels, scores: Scores, thresholds: Thresholds
    ) -> Floats | None:
        """Accuracies, Brier score and log loss."""
        match name:
            case "accuracy":
                return np.asarray(self.task.called(scores, thresholds) == labels, dtype=np.float64)
            case "accuracy_at_half":
                return np.asarray((scores >= 0.5) == labels, dtype=np.float64)
            case "brier":
                return np.asarray((scores - labels) ** 2, dtype=np.float64)
            case "log_loss":
                return log_losses(labels, scores)
        return None

    def support(self, name: str, labels: Labels, units: NDArray[np.int64]) -> Support:
        """Units with an image of either class for an AUROC, of one class for its share."""
        ill, well = units_of_sides(labels, units)
        counted: dict[str, Support] = {
            "auroc": (ill, well),
            "sensitivity": (ill,),
            "specificity": (well,),
            "pr_auc": None,
            "brier": None,
            "log_loss": None,
        }
        return counted.get(name, (len(np.unique(units)),))

    def sides(self, name: str, labels: Labels, units: NDArray[np.int64]) -> tuple[int, ...]:
        """Of both classes for rankings and the mean of both, of one class for its share."""
        ill, well = units_of_sides(labels, units)
        counted: dict[str, tuple[int, ...]] = {
            "auroc": (ill, well),
            "pr_auc": (ill, well),
            "balanced_accuracy": (ill, well),
            "sensitivity": (ill,),
            "specificity": (well,),
        }
        return counted.get(name, ())

    def epoch(self, labels: Labels, scores: Scores) -> dict[str, float]:
        """Accuracy at 0.5 and AUROC."""
        return {
            "acc": float(np.mean((scores > 0.5) == labels)),
            "auc": float(auroc(labels, scores, np.ones((1, len(labels))))[0]),
        }

    def prevalence(self, labels: Labels) -> float:
        """The share of class 1."""
        return float(labels.mean())

    def details(self, labels: Labels, scores: Scores, thresholds: Thresholds) -> dict[str, Any]:
        """Nothing: the metrics are those of the one class."""
        return {}

    def prior(self, labels: Labels) -> Scores:
        """The share of class 1."""
        return np.array([labels.mean()])

    def fit(self, estimator: Any, features: Any, labels: Labels) -> Any:
        """The estimator, trained."""
        return estimator.fit(features, labels)

    def scores(self, classifier: Any, features: Any) -> Scores:
        """P(class 1), float (n,)."""
        return np.asarray(classifier.predict_proba(features)[:, 1], dtype=np.float64)

    def threshold_record(self, thresholds: Thresholds) -> dict[str, Any] | None:
        """As every version has written it: a single value."""
        (value,) = thresholds.values()
        return {"value": value, "criterion": self.criterion}

    def thresholds_in(self, metrics: Any) -> dict[str, float]:
        """The one threshold."""
        return {self.task.scored[0]: float(metrics["threshold"]["value"])}

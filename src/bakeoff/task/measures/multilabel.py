"""The figures of a multilabel task: each finding by itself, and the means over findings.

As the ChestX-ray14 literature reports: an AUROC for each finding and their mean. A finding that no image of a
split has, or every image, has no AUROC there; it is named, and left out of the means.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bakeoff.task.classification import Labels, Scores
from bakeoff.task.influences import of_auroc, of_average_precision, of_defined, of_share
from bakeoff.task.measures.measures import (
    Measures,
    Support,
    Thresholds,
    mean_defined,
    mean_of_defined,
    units_of_sides,
)
from bakeoff.task.resampled_metrics import Floats, auroc, average_precision, log_losses, share
from bakeoff.task.thresholds import CRITERION, choose_threshold

NOTHING = 0.5  # the threshold of a finding that validation lacks


class MultilabelMeasures(Measures):
    """AUROC and average precision for scores (n, F), and their means over findings."""

    criterion = f"for each finding {CRITERION}"

    def thresholds(self, labels: Labels, scores: Scores) -> dict[str, float]:
        """A threshold for each finding."""
        return {
            view.name: choose_threshold(view.labels, view.scores)
            if 0 < view.labels.sum() < len(labels)
            else NOTHING
            for view in self.task.one_vs_rest(labels, scores)
        }

    def values(self, labels: Labels, scores: Scores, thresholds: Thresholds) -> dict[str, float]:
        """Every metric."""
        from sklearn import metrics  # training does not wait for it

        called = self.task.called(scores, thresholds)
        there = self._with_both(labels)
        return {
            "macro_auroc": mean_defined(
                [float(metrics.roc_auc_score(labels[:, at], scores[:, at])) for at in there]
            ),
            "macro_average_precision": mean_defined(
                [
                    float(metrics.average_precision_score(labels[:, at], scores[:, at]))
                    for at in there
                ]
            ),
            "macro_balanced_accuracy": mean_defined(
                [
                    float(metrics.balanced_accuracy_score(labels[:, at], called[:, at]))
                    for at in there
                ]
            ),
            "label_accuracy": float(np.mean(called == labels)),
            "log_loss": float(np.mean(log_losses(labels, scores))),
        }

    def over_classes(
        self, labels: Labels, scores: Scores, thresholds: Thresholds, weights: Floats
    ) -> dict[str, Callable[[], Floats]]:
        """The means over findings."""
        called = self.task.called(scores, thresholds)
        there = self._with_both(labels)

        def balanced(at: int) -> Floats:
            found = share(called[:, at] == 1, weights * labels[:, at])
            spared = share(called[:, at] == 0, weights * (1 - labels[:, at]))
            return (found + spared) / 2

        return {
            "macro_auroc": lambda: mean_of_defined(
                [auroc(labels[:, at], scores[:, at], weights) for at in there]
            ),
            "macro_average_precision": lambda: mean_of_defined(
                [average_precision(labels[:, at], scores[:, at], weights) for at in there]
            ),
            "macro_balanced_accuracy": lambda: mean_of_defined([balanced(at) for at in there]),
        }

    def influences_over_classes(
        self, labels: Labels, scores: Scores, thresholds: Thresholds
    ) -> dict[str, Callable[[], Floats]]:
        """Of the means over findings."""
        called = self.task.called(scores, thresholds)
        there = self._with_both(labels)

        def mean(of: Callable[[int], Floats]) -> Callable[[], Floats]:
            return lambda: of_defined([of(at) for at in there] or [np.full(len(labels), np.nan)])

        def balanced(at: int) -> Floats:
            found = of_share(called[:, at] == 1, labels[:, at] == 1)
            return (found + of_share(called[:, at] == 0, labels[:, at] == 0)) / 2

        return {
            "macro_auroc": mean(lambda at: of_auroc(labels[:, at], scores[:, at])),
            "macro_average_precision": mean(
                lambda at: of_average_precision(labels[:, at], scores[:, at])
            ),
            "macro_balanced_accuracy": mean(balanced),
        }

    def of_each(
        self, name: str, labels: Labels, scores: Scores, thresholds: Thresholds
    ) -> Floats | None:
        """Accuracy and log loss, over the findings of each image."""
        match name:
            case "label_accuracy":
                right: Floats = (self.task.called(scores, thresholds) == labels).mean(axis=1)
                return right
            case "log_loss":
                losses: Floats = log_losses(labels, scores).mean(axis=1)
                return losses
        return None

    def _with_both(self, labels: Labels) -> list[int]:
        """Positions of the findings that some images have and some have not."""
        totals = labels.sum(axis=0)
        return [at for at, total in enumerate(totals) if 0 < total < len(labels)]

    def support(self, name: str, labels: Labels, units: NDArray[np.int64]) -> Support:
        """Unknown for a mean over findings."""
        return None

    def rarest(self, name: str, labels: Labels, units: NDArray[np.int64]) -> int | None:
        """Of the findings that the means are over, with and without."""
        there = self._with_both(labels)
        if not name.startswith("macro_") or not there:
            return None
        return min(min(units_of_sides(labels[:, at], units)) for at in there)

    def epoch(self, labels: Labels, scores: Scores) -> dict[str, float]:
        """Accuracy over all labels at 0.5, and macro AUROC."""
        even = np.ones((1, len(labels)))
        ranked = [auroc(labels[:, at], scores[:, at], even) for at in self._with_both(labels)]
        return {
            "acc": float(np.mean((scores >= 0.5) == labels)),
            "auc": mean_defined([float(one[0]) for one in ranked]),
        }

    def prevalence(self, labels: Labels) -> dict[str, float]:
        """The share of images with each finding."""
        return {name: n / len(labels) for name, n in self.task.counts(labels).items()}

    def details(self, labels: Labels, scores: Scores, thresholds: Thresholds) -> dict[str, Any]:
        """AUROC, average precision, sensitivity and specificity of each finding."""
        from sklearn.metrics import average_precision_score, roc_auc_score

        called = self.task.called(scores, thresholds)
        findings: dict[str, Any] = {}
        for at, view in enumerate(self.task.one_vs_rest(labels, scores)):
            positives = int(view.labels.sum())
            figures: dict[str, Any] = {"n": positives}
            findings[view.name] = figures
            if 0 < positives < len(labels):
                named = called[:, at] == 1
                figures |= {
                    "auroc": float(roc_auc_score(view.labels, view.scores)),
                    "average_precision": float(average_precision_score(view.labels, view.scores)),
                    "sensitivity": float(named[view.labels == 1].mean()),
                    "specificity": float((~named)[view.labels == 0].mean()),
                }
        left_out = [name for name, figures in findings.items() if "auroc" not in figures]
        return {"classes": findings, "left_out": left_out}

    def prior(self, labels: Labels) -> Scores:
        """The share of images with each finding, (1, F)."""
        shares: Scores = labels.mean(axis=0, keepdims=True)
        return shares

    def fit(self, estimator: Any, features: Any, labels: Labels) -> Any:
        """The estimator for each finding."""
        from sklearn.multiclass import OneVsRestClassifier

        return OneVsRestClassifier(estimator).fit(features, labels)

    def scores(self, classifier: Any, features: Any) -> Scores:
        """P(finding) of each, float (n, F)."""
        return np.asarray(classifier.predict_proba(features), dtype=np.float64)

"""The figures of a multiclass task: the class with the highest score is called."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bakeoff.task.classification import Labels, OneVsRest, Scores
from bakeoff.task.influences import of_auroc, of_defined, of_f1, of_share
from bakeoff.task.measures.measures import (
    Measures,
    Support,
    Thresholds,
    mean_defined,
    mean_of_defined,
)
from bakeoff.task.resampled_metrics import Floats, auroc, log_losses, ratio, share

TOP = 5


class MulticlassMeasures(Measures):
    """Accuracy and its like for scores (n, K); classes that a split lacks are left out of its means."""

    criterion = ""

    def thresholds(self, labels: Labels, scores: Scores) -> dict[str, float]:
        """None: the highest score decides."""
        return {}

    def values(self, labels: Labels, scores: Scores, thresholds: Thresholds) -> dict[str, float]:
        """Every metric."""
        from sklearn import metrics  # training does not wait for it

        called = self.task.called(scores, thresholds)
        positions = np.arange(scores.shape[1])
        present = np.unique(labels)
        recalls = metrics.recall_score(
            labels, called, labels=present, average=None, zero_division=0.0
        )
        values = {
            "accuracy": metrics.accuracy_score(labels, called),
            "balanced_accuracy": float(np.mean(recalls)),
            "macro_auroc": mean_defined(
                [
                    metrics.roc_auc_score(labels == at, scores[:, at])
                    for at in present
                    if len(present) > 1
                ]
            ),
            "macro_f1": metrics.f1_score(labels, called, average="macro", zero_division=0.0),
            "log_loss": metrics.log_loss(labels, _normalised(scores), labels=positions),
        }
        if "top_5_accuracy" in self.task.metric_names:
            values["top_5_accuracy"] = metrics.top_k_accuracy_score(
                labels, scores, k=TOP, labels=positions
            )
        return {name: float(value) for name, value in values.items()}

    def over_classes(
        self, labels: Labels, scores: Scores, thresholds: Thresholds, weights: Floats
    ) -> dict[str, Callable[[], Floats]]:
        """The means over classes."""
        called = self.task.called(scores, thresholds)
        classes = range(scores.shape[1])

        def recall(at: int) -> Floats:
            return share(called == at, weights * (labels == at))

        def f1(at: int) -> Floats:
            hits = weights @ ((called == at) & (labels == at)).astype(np.float64)
            named = weights @ ((called == at).astype(np.float64) + (labels == at))
            return ratio(2 * hits, named)

        def ranking(at: int) -> Floats:
            return auroc((labels == at).astype(np.int64), scores[:, at], weights)

        return {
            "balanced_accuracy": lambda: mean_of_defined([recall(at) for at in classes]),
            "macro_auroc": lambda: mean_of_defined([ranking(at) for at in classes]),
            "macro_f1": lambda: mean_of_defined([f1(at) for at in classes]),
        }

    def influences_over_classes(
        self, labels: Labels, scores: Scores, thresholds: Thresholds
    ) -> dict[str, Callable[[], Floats]]:
        """Of the means over classes."""
        called = self.task.called(scores, thresholds)
        classes = range(scores.shape[1])

        def mean(of: Callable[[int], Floats]) -> Callable[[], Floats]:
            return lambda: of_defined([of(at) for at in classes])

        return {
            "balanced_accuracy": mean(lambda at: of_share(called == at, labels == at)),
            "macro_auroc": mean(lambda at: of_auroc((labels == at).astype(int), scores[:, at])),
            "macro_f1": mean(lambda at: of_f1(called == at, labels == at)),
        }

    def confidence(self, labels: Labels, scores: Scores) -> OneVsRest:
        """The highest score, once the scores sum to 1."""
        called = self.task.called(scores, {})
        right = (called == labels).astype(np.int64)
        return OneVsRest("the class that it calls", right, _normalised(scores).max(axis=1))

    def of_each(
        self, name: str, labels: Labels, scores: Scores, thresholds: Thresholds
    ) -> Floats | None:
        """Accuracies and log loss."""
        match name:
            case "accuracy":
                return np.asarray(self.task.called(scores, thresholds) == labels, dtype=np.float64)
            case "top_5_accuracy":
                return _among_top(labels, scores).astype(np.float64)
            case "log_loss":
                own = scores[np.arange(len(labels)), labels]
                return log_losses(np.ones_like(labels), own / scores.sum(axis=1))
        return None

    def support(self, name: str, labels: Labels, units: NDArray[np.int64]) -> Support:
        """All units for a share of the images."""
        shares = ("accuracy", "top_5_accuracy")
        return (len(np.unique(units)),) if name in shares else None

    def rarest(self, name: str, labels: Labels, units: NDArray[np.int64]) -> int | None:
        """Of the classes that are there, for their means."""
        if name not in ("balanced_accuracy", "macro_auroc", "macro_f1"):
            return None
        return min(len(np.unique(units[labels == at])) for at in np.unique(labels))

    def epoch(self, labels: Labels, scores: Scores) -> dict[str, float]:
        """Accuracy and macro AUROC."""
        even = np.ones((1, len(labels)))
        found = self.resampled(labels, scores, {}, even, ("accuracy", "macro_auroc"))
        return {"acc": float(found["accuracy"][0]), "auc": float(found["macro_auroc"][0])}

    def prevalence(self, labels: Labels) -> dict[str, float]:
        """The share of each class."""
        return {name: n / len(labels) for name, n in self.task.counts(labels).items()}

    def details(self, labels: Labels, scores: Scores, thresholds: Thresholds) -> dict[str, Any]:
        """AUROC, average precision, recall and precision of each class, and the confusion matrix."""
        from sklearn.metrics import average_precision_score, confusion_matrix, roc_auc_score

        called = self.task.called(scores, thresholds)
        positions = np.arange(scores.shape[1])
        confusion = confusion_matrix(labels, called, labels=positions)
        classes = {}
        for at, view in enumerate(self.task.one_vs_rest(labels, scores)):
            both = 0 < view.labels.sum() < len(labels)
            named = int(confusion[:, at].sum())
            classes[view.name] = {
                "n": int(view.labels.sum()),
                "auroc": float(roc_auc_score(view.labels, view.scores)) if both else None,
                "average_precision": float(average_precision_score(view.labels, view.scores))
                if both
                else None,
                "recall": float(confusion[at, at] / view.labels.sum())
                if view.labels.any()
                else None,
                "precision": float(confusion[at, at] / named) if named else None,
            }
        left_out = [name for name, figures in classes.items() if figures["auroc"] is None]
        return {"classes": classes, "left_out": left_out, "confusion": confusion.tolist()}

    def prior(self, labels: Labels) -> Scores:
        """The share of each class, (1, K)."""
        counts = np.bincount(labels, minlength=len(self.task.scored))
        shares: Scores = counts[None, :] / len(labels)
        return shares

    def fit(self, estimator: Any, features: Any, labels: Labels) -> Any:
        """The estimator, trained; scikit-learn's are multinomial."""
        return estimator.fit(features, labels)

    def scores(self, classifier: Any, features: Any) -> Scores:
        """The probability of each class, float (n, K); 0 for a class that training lacked."""
        scores = np.zeros((len(features), len(self.task.scored)))
        scores[:, classifier.classes_] = classifier.predict_proba(features)
        return scores


def _normalised(scores: Scores) -> Scores:
    """Scores written with few digits sum to 1 again."""
    normalised: Scores = scores / scores.sum(axis=1, keepdims=True)
    return normalised


def _among_top(labels: Labels, scores: Scores) -> NDArray[np.bool_]:
    best = np.argsort(scores, axis=1, kind="mergesort")[:, ::-1][:, :TOP]
    among: NDArray[np.bool_] = (best == labels[:, None]).any(axis=1)
    return among

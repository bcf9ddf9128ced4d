"""Every metric of several classes and of findings is scikit-learn's, once and over resamples."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn import metrics as sk

from bakeoff.evaluation import intervals
from bakeoff.task.classification import Labels, Scores
from bakeoff.task.measures import measures_of
from bakeoff.task.multiclass import MulticlassTask
from bakeoff.task.multilabel import MultilabelTask

Weights = NDArray[np.float64]
Expected = dict[str, Callable[[Weights], float]]

CLASSES = MulticlassTask(tuple("abcd"))
MANY = MulticlassTask(tuple(f"class {number}" for number in range(12)))
FINDINGS = MultilabelTask(("Mass", "Fluid", "Rare"))


class Scored(NamedTuple):
    labels: Labels
    scores: Scores
    units: NDArray[np.int64]


def of_classes(task: MulticlassTask, absent: int | None = None) -> Scored:
    """80 rows of 30 patients with scores of one digit or two, so that many are equal."""
    random = np.random.default_rng(4)
    kinds = len(task.scored)
    labels = random.choice([at for at in range(kinds) if at != absent], 80)
    chances = random.dirichlet(np.ones(kinds), 80) + 0.5 * np.eye(kinds)[labels]
    scores = (chances / chances.sum(axis=1, keepdims=True)).round(2) + 0.001
    return Scored(labels, scores, np.unique(random.integers(0, 30, 80), return_inverse=True)[1])


def of_findings(absent: int | None = None) -> Scored:
    random = np.random.default_rng(5)
    labels = (random.random((80, 3)) < [0.5, 0.3, 0.2]).astype(np.int64)
    if absent is not None:
        labels[:, absent] = 0
    scores = np.clip(0.3 * labels + 0.7 * random.random((80, 3)), 0.01, 0.99).round(2)
    return Scored(labels, scores, np.unique(random.integers(0, 30, 80), return_inverse=True)[1])


def mean(values: list[float]) -> float:
    """The mean of those that are defined."""
    defined = [value for value in values if not math.isnan(value)]
    return float(np.mean(defined)) if defined else math.nan


def ranked(labels: Labels, scores: Scores, weights: Weights) -> float:
    """scikit-learn's AUROC; not a number where one side was not drawn."""
    if len(np.unique(labels[weights > 0])) < 2:
        return math.nan
    return float(sk.roc_auc_score(labels, scores, sample_weight=weights))


def expected_of_classes(task: MulticlassTask, scored: Scored) -> Expected:
    labels, scores, _ = scored
    called, names = scores.argmax(axis=1), range(len(task.scored))
    normal = scores / scores.sum(axis=1, keepdims=True)

    def f1(weights: Weights) -> float:
        there = [
            at for at in names if ((labels == at) | (called == at))[weights > 0].any()
        ]  # what is neither there nor called has no F1
        return float(
            sk.f1_score(labels, called, labels=there, average="macro", sample_weight=weights)
        )

    def recall(weights: Weights) -> float:
        there = np.unique(labels[weights > 0])
        return float(
            sk.recall_score(labels, called, labels=there, average="macro", sample_weight=weights)
        )

    expected: Expected = {
        "accuracy": lambda w: sk.accuracy_score(labels, called, sample_weight=w),
        "balanced_accuracy": recall,
        "macro_auroc": lambda w: mean(
            [ranked((labels == at).astype(np.int64), scores[:, at], w) for at in names]
        ),
        "macro_f1": f1,
        "log_loss": lambda w: sk.log_loss(labels, normal, labels=list(names), sample_weight=w),
    }
    if len(names) >= 10:
        expected["top_5_accuracy"] = lambda w: sk.top_k_accuracy_score(
            labels, scores, k=5, labels=list(names), sample_weight=w
        )
    return expected


def expected_of_findings(scored: Scored, thresholds: dict[str, float]) -> Expected:
    labels, scores, _ = scored
    called = (scores >= [thresholds[name] for name in FINDINGS.findings]).astype(np.int64)
    there = [at for at in range(3) if 0 < labels[:, at].sum() < len(labels)]

    def precision(at: int, weights: Weights) -> float:
        if not (labels[:, at] * weights).any():
            return math.nan
        return float(
            sk.average_precision_score(labels[:, at], scores[:, at], sample_weight=weights)
        )

    def balanced(at: int, weights: Weights) -> float:
        if len(np.unique(labels[weights > 0, at])) < 2:
            return math.nan
        return float(
            sk.balanced_accuracy_score(labels[:, at], called[:, at], sample_weight=weights)
        )

    def each(weights: Weights) -> list[Weights]:
        return [weights] * 3

    return {
        "macro_auroc": lambda w: mean([ranked(labels[:, at], scores[:, at], w) for at in there]),
        "macro_average_precision": lambda w: mean([precision(at, w) for at in there]),
        "macro_balanced_accuracy": lambda w: mean([balanced(at, w) for at in there]),
        "label_accuracy": lambda w: sk.accuracy_score(
            labels.T.ravel(), called.T.ravel(), sample_weight=np.concatenate(each(w))
        ),
        "log_loss": lambda w: sk.log_loss(
            labels.T.ravel(),
            scores.T.ravel(),
            labels=[0, 1],
            sample_weight=np.concatenate(each(w)),
        ),
    }


@pytest.mark.slow(seconds=2)
@pytest.mark.parametrize("absent", [None, 2])
@pytest.mark.parametrize("task", [CLASSES, MANY], ids=["four", "twelve"])
def test_metrics_of_classes_are_scikit_learns_with_and_without_an_absent_class(
    task: MulticlassTask, absent: int | None
) -> None:
    scored = of_classes(task, absent)
    expected = expected_of_classes(task, scored)
    measures = measures_of(task)
    values = measures.values(scored.labels, scored.scores, {})
    assert set(values) == set(expected) == set(task.metric_names)
    even = np.ones(80)
    for name, metric in expected.items():
        assert values[name] == pytest.approx(metric(even), abs=1e-12), name
    weights = np.concatenate(list(intervals.resample_weights(scored.units, resamples=25)))
    found = measures.resampled(scored.labels, scored.scores, {}, weights, task.metric_names)
    for name, metric in expected.items():
        assert found[name] == pytest.approx([metric(w) for w in weights], abs=1e-12), name


@pytest.mark.parametrize("absent", [None, 1])
def test_metrics_of_findings_are_scikit_learns_with_and_without_an_absent_finding(
    absent: int | None,
) -> None:
    scored = of_findings(absent)
    thresholds = {"Mass": 0.4, "Fluid": 0.5, "Rare": 0.3}
    expected = expected_of_findings(scored, thresholds)
    measures = measures_of(FINDINGS)
    values = measures.values(scored.labels, scored.scores, thresholds)
    assert set(values) == set(expected) == set(FINDINGS.metric_names)
    for name, metric in expected.items():
        assert values[name] == pytest.approx(metric(np.ones(80)), abs=1e-12), name
    weights = np.concatenate(list(intervals.resample_weights(scored.units, resamples=25)))
    found = measures.resampled(
        scored.labels, scored.scores, thresholds, weights, FINDINGS.metric_names
    )
    for name, metric in expected.items():
        assert found[name] == pytest.approx([metric(w) for w in weights], abs=1e-12, nan_ok=True), (
            name
        )


def test_a_finding_that_a_split_lacks_is_named_and_left_out_of_every_mean() -> None:
    lacking, measures = of_findings(absent=2), measures_of(FINDINGS)
    thresholds = measures.thresholds(lacking.labels, lacking.scores)
    assert thresholds["Rare"] == 0.5
    details = measures.details(lacking.labels, lacking.scores, thresholds)
    assert details["left_out"] == ["Rare"] and details["classes"]["Rare"] == {"n": 0}
    there = measures_of(MultilabelTask(("Mass", "Fluid")))
    two = there.values(lacking.labels[:, :2], lacking.scores[:, :2], thresholds)
    three = measures.values(lacking.labels, lacking.scores, thresholds)
    for name in ("macro_auroc", "macro_average_precision", "macro_balanced_accuracy"):
        assert three[name] == two[name]


def test_the_confusion_matrix_has_a_row_for_each_true_class_in_the_order_of_classes() -> None:
    scored = of_classes(CLASSES, absent=1)
    details = measures_of(CLASSES).details(scored.labels, scored.scores, {})
    confusion = np.array(details["confusion"])
    assert confusion.sum(axis=1).tolist() == [
        details["classes"][name]["n"] for name in CLASSES.names
    ]
    recalls = sk.recall_score(
        scored.labels, scored.scores.argmax(axis=1), average=None, labels=[0, 2, 3]
    )
    found = [details["classes"][name]["recall"] for name in "acd"]
    assert found == pytest.approx(recalls) and details["left_out"] == ["b"]


@pytest.mark.parametrize("task", [CLASSES, FINDINGS], ids=["classes", "findings"])
def test_who_knows_the_shares_alone_ranks_nothing_and_is_as_right_as_the_most_frequent(
    task: MulticlassTask | MultilabelTask,
) -> None:
    scored = of_classes(CLASSES) if task is CLASSES else of_findings()
    measures = measures_of(task)
    prior = measures.prior(scored.labels)
    assert prior.shape == (1, len(task.scored))
    values = measures.values(
        scored.labels, np.repeat(prior, 80, axis=0), dict.fromkeys(task.scored, 0.5)
    )
    assert values["macro_auroc"] == 0.5
    if task is CLASSES:
        assert values["accuracy"] == np.bincount(scored.labels).max() / 80


@pytest.mark.parametrize("task", [CLASSES, FINDINGS], ids=["classes", "findings"])
def test_an_epochs_accuracy_and_auroc_are_those_of_the_metrics_at_one_half(
    task: MulticlassTask | MultilabelTask,
) -> None:
    scored = of_classes(CLASSES) if task is CLASSES else of_findings()
    measures = measures_of(task)
    epoch = measures.epoch(scored.labels, scored.scores)
    for column, value in (("val_acc", epoch["acc"]), ("val_auc", epoch["auc"])):
        (metric,) = [metric for metric in task.metrics if metric.column == column]
        selected = measures.selected(scored.labels, scored.scores, metric.name)
        assert value == pytest.approx(selected, abs=1e-12)

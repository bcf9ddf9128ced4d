import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from bakeoff.evaluation import clustered, intervals
from bakeoff.task import resampled_metrics as resampled
from bakeoff.task.binary import BinaryTask
from bakeoff.task.measures import measures_of


@pytest.fixture
def images():
    generator = np.random.default_rng(3)
    units = np.repeat(np.arange(150), generator.integers(1, 4, 150))
    labels = (generator.random(150) < 0.4)[units].astype(np.int64)
    shared = generator.normal(size=150)[units]
    scores = [labels + shared + 0.5 * generator.normal(size=len(units)) for _ in range(2)]
    return labels, [1 / (1 + np.exp(-each)) for each in scores], units


def bootstrap(units, figure):
    return intervals.standard_error(
        np.concatenate([figure(chunk) for chunk in intervals.resample_weights(units)])
    )


def test_the_errors_are_those_of_a_bootstrap_of_patients(images):
    labels, scores, units = images
    mean = clustered.mean(scores[0], units)
    assert mean.value == pytest.approx(scores[0].mean())
    assert mean.error == pytest.approx(
        bootstrap(units, lambda chunk: chunk @ scores[0] / chunk.sum(axis=1)), rel=0.08
    )
    ranked = clustered.auroc(labels, scores, units)
    assert ranked.value == pytest.approx(np.mean([roc_auc_score(labels, s) for s in scores]))
    both = bootstrap(
        units, lambda chunk: np.mean([resampled.auroc(labels, s, chunk) for s in scores], axis=0)
    )
    assert ranked.error == pytest.approx(both, rel=0.08)
    right = ((scores[0] >= 0.6) == labels).astype(float)
    balanced = clustered.class_mean(right, labels, units)
    assert balanced.value == pytest.approx(balanced_accuracy_score(labels, scores[0] >= 0.6))
    measures = measures_of(BinaryTask())
    drawn = bootstrap(
        units,
        lambda chunk: measures.resampled(
            labels, scores[0], {"positive": 0.6}, chunk, ["balanced_accuracy"]
        )["balanced_accuracy"],
    )
    assert balanced.error == pytest.approx(drawn, rel=0.08)


def test_images_of_one_patient_count_as_one(images):
    labels, scores, units = images
    twice = clustered.auroc(np.tile(labels, 2), [np.tile(scores[0], 2)], np.tile(units, 2))
    assert twice.error == pytest.approx(clustered.auroc(labels, scores[:1], units).error)


def test_a_perfect_ranking_is_as_uncertain_as_its_images_are_few():
    labels = np.array([0, 1] * 6)
    few = clustered.auroc(labels, [labels * 0.5], np.arange(12))
    many = clustered.auroc(np.tile(labels, 9), [np.tile(labels, 9) * 0.5], np.arange(108))
    assert few.value == many.value == 1.0
    assert few.error > 3 * many.error > 0


def test_an_auroc_lies_in_its_interval_and_that_in_0_to_1_however_little_is_known():
    for value in (0.0, 0.04, 0.457, 0.98, 1.0):
        low, high = clustered.Estimate(value, 0.16, 1.0).share_interval()
        assert 0 <= low <= value <= high <= 1 and low < high
    assert clustered.Estimate(0.5, np.nan, 1.0).share_interval() is None


def test_several_intervals_that_hold_together_are_wider_and_seeds_widen_them(images):
    _, scores, units = images
    one = clustered.mean(scores[0], units)
    assert one.interval(20).low < one.interval().low < one.value < one.interval().high
    spread = one.over_seeds([0.4, 0.5, 0.6])
    assert spread.error == pytest.approx(np.hypot(one.error, 0.1 / np.sqrt(3)))
    assert spread.interval().low < one.interval().low
    assert one.over_seeds([0.4]) == one
    gap = one.minus(one)
    assert (gap.value, gap.error) == (0, pytest.approx(one.error * 2**0.5))
    assert clustered.mean(np.array([0.1, 0.3]), np.array([0, 0])).interval() is None


def test_the_error_of_a_mean_over_classes_is_that_of_a_bootstrap_of_patients(images):
    labels, scores, units = images
    other = 1 - labels
    other[::3] = labels[::3]
    rankings = [(labels, scores), (other, [scores[1] ** 2, scores[0]])]
    found = clustered.mean_auroc(rankings, units)
    assert found.value == pytest.approx(
        np.mean([roc_auc_score(known, s) for known, each in rankings for s in each])
    )
    drawn = bootstrap(
        units,
        lambda chunk: np.mean(
            [resampled.auroc(known, s, chunk) for known, each in rankings for s in each], axis=0
        ),
    )
    assert found.error == pytest.approx(drawn, rel=0.08)
    perfect = clustered.mean_auroc([(one, [one * 1.0]) for one in (labels, other)], units)
    assert perfect.value == 1.0 and perfect.error > 0

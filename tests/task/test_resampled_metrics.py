import numpy as np
import pytest
from sklearn import metrics as sk

from bakeoff.evaluation import intervals
from bakeoff.task.binary import BinaryTask
from bakeoff.task.measures import measures_of

TASK = BinaryTask()
MEASURES = measures_of(TASK)


@pytest.fixture
def scored():
    generator = np.random.default_rng(3)
    labels = generator.integers(0, 2, 80)
    scores = np.clip(0.3 * labels + generator.random(80) * 0.7, 0, 1).round(1)  # many ties
    units = np.unique(generator.integers(0, 30, 80), return_inverse=True)[1]
    return labels, scores, units


@pytest.mark.slow(seconds=2)
def test_every_resample_equals_scikit_learn_with_sample_weights(scored):
    labels, scores, units = scored
    threshold = 0.5
    weights = np.concatenate(list(intervals.resample_weights(units, resamples=25)))
    found = MEASURES.resampled(labels, scores, {"positive": threshold}, weights, TASK.metric_names)
    called = scores >= threshold
    expected = {
        "auroc": lambda w: sk.roc_auc_score(labels, scores, sample_weight=w),
        "pr_auc": lambda w: sk.average_precision_score(labels, scores, sample_weight=w),
        "accuracy": lambda w: sk.accuracy_score(labels, called, sample_weight=w),
        "balanced_accuracy": lambda w: sk.balanced_accuracy_score(labels, called, sample_weight=w),
        "sensitivity": lambda w: sk.recall_score(labels, called, sample_weight=w),
        "specificity": lambda w: sk.recall_score(labels, called, pos_label=0, sample_weight=w),
        "brier": lambda w: sk.brier_score_loss(labels, scores, sample_weight=w),
        "log_loss": lambda w: sk.log_loss(labels, scores, sample_weight=w),
        "accuracy_at_half": lambda w: sk.accuracy_score(labels, scores >= 0.5, sample_weight=w),
    }
    assert set(found) == set(expected)
    for name, metric in expected.items():
        assert found[name] == pytest.approx([metric(w) for w in weights], abs=1e-12), name


def test_a_resample_without_one_of_the_classes_is_nan_not_a_number_made_up():
    labels, scores = np.array([0, 0, 1]), np.array([0.1, 0.2, 0.9])
    weights = np.array([[2.0, 1.0, 0.0], [0.0, 0.0, 3.0], [1.0, 1.0, 1.0]])
    found = MEASURES.resampled(labels, scores, {"positive": 0.5}, weights, TASK.metric_names)
    assert np.isnan(found["auroc"]).tolist() == [True, True, False]
    assert np.isnan(found["sensitivity"]).tolist() == [True, False, False]
    assert np.isnan(found["specificity"]).tolist() == [False, True, False]
    assert np.isnan(found["pr_auc"]).tolist() == [True, False, False]
    assert not np.isnan(found["accuracy"]).any()

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.special import ndtr
from sklearn.metrics import average_precision_score, roc_auc_score

from bakeoff.errors import EvaluationError
from bakeoff.evaluation import intervals
from bakeoff.evaluation.metrics import evaluate_predictions, metric_interval
from bakeoff.evaluation.predictions import Predictions
from bakeoff.task.binary import BinaryTask
from bakeoff.task.resampled_metrics import auroc
from tests.evaluation.tables import write_run

METRICS = BinaryTask().metric_names

VAL = ([1, 1, 1, 0, 0, 0, 0], [0.9, 0.6, 0.4, 0.5, 0.3, 0.2, 0.1])  # chooses 0.4


def random_scores(n, seed=0):
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 2, n)
    return labels.tolist(), (0.25 * labels + 0.75 * generator.random(n)).round(2).tolist()


def test_the_figures_are_those_computed_by_hand(tmp_path):
    test = ([1, 1, 0, 0, 0], [0.45, 0.3, 0.6, 0.2, 0.1])
    metrics = evaluate_predictions(write_run(tmp_path, VAL, test))
    assert metrics["threshold"]["value"] == 0.4
    assert metrics["val"]["n"] == 7
    assert metrics["val"]["auroc"] == pytest.approx(11 / 12)
    got = metrics["test"]
    assert (got["n"], got["prevalence"], got["patients"]) == (5, 0.4, None)
    assert got["auroc"] == pytest.approx(4 / 6)  # 4 of 6 pairs in the right order
    assert got["sensitivity"] == pytest.approx(1 / 2)
    assert got["specificity"] == pytest.approx(2 / 3)
    assert got["balanced_accuracy"] == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert got["accuracy"] == pytest.approx(3 / 5)
    assert got["accuracy_at_half"] == pytest.approx(2 / 5)
    assert got["pr_auc"] == pytest.approx((1 / 2) * (1 / 2) + (1 / 2) * (2 / 3))
    assert got["brier"] == pytest.approx((0.55**2 + 0.7**2 + 0.6**2 + 0.2**2 + 0.1**2) / 5)


def test_the_figures_are_scikit_learns(tmp_path):
    val, test = random_scores(150, seed=1), random_scores(200, seed=2)
    got = evaluate_predictions(write_run(tmp_path, val, test))
    assert got["test"]["auroc"] == roc_auc_score(*test)
    assert got["test"]["pr_auc"] == average_precision_score(*test)
    assert got["val"]["auroc"] == roc_auc_score(*val)


def test_the_threshold_uses_only_validation(tmp_path):
    labels, scores = random_scores(60)
    one = evaluate_predictions(write_run(tmp_path / "a", VAL, (labels, scores)))
    other = evaluate_predictions(
        write_run(tmp_path / "b", VAL, (labels[::-1], [1 - s for s in scores]))
    )
    assert one["threshold"] == other["threshold"]
    assert one["val"] == other["val"]
    assert one["test"] != other["test"]


def test_every_figure_has_an_interval_around_it(tmp_path):
    patients = np.arange(200) // 2
    run = write_run(tmp_path, VAL, random_scores(200), patients)
    got = evaluate_predictions(run)
    for name in METRICS:
        low, high = got["test"]["intervals"][name]
        assert 0 <= low < got["test"][name] < high <= 1, name
    assert got["interval"]["unit"] == "patient"
    assert got["interval"]["units"] == got["test"]["patients"] == 100
    assert "patient-clustered" in got["interval"]["method"]


def test_a_perfect_test_split_is_not_reported_as_certain(tmp_path):
    test = ([0] * 10 + [1] * 10, [0.1] * 10 + [0.9] * 10)
    got = evaluate_predictions(write_run(tmp_path, VAL, test))["test"]
    assert got["auroc"] == got["sensitivity"] == 1.0
    assert 0.6 < got["intervals"]["auroc"][0] < 0.95
    assert 0.6 < got["intervals"]["sensitivity"][0] < 0.75  # Wilson, 10 of 10
    assert 0.8 < got["intervals"]["accuracy"][0] < 0.85  # Wilson, 20 of 20
    assert got["intervals"]["pr_auc"] is None


@pytest.mark.parametrize("turned", [False, True])
def test_rankings_of_few_of_a_class_have_no_interval_however_many_there_are_of_the_other(
    tmp_path, turned
):
    labels = [1] * 4 + [0] * 96
    scores = np.random.default_rng(0).random(100).round(3)
    if turned:
        labels, scores = [1 - label for label in labels], 1 - scores
    found = evaluate_predictions(write_run(tmp_path, VAL, (labels, scores)))["test"]["intervals"]
    assert {name for name, ends in found.items() if ends is None} == {
        "auroc",
        "pr_auc",
        "balanced_accuracy",
    }


def test_a_perfect_ranking_of_few_of_a_class_has_no_interval_either(tmp_path):
    test = ([0] * 40 + [1] * 4, [0.1] * 40 + [0.9] * 4)
    found = evaluate_predictions(write_run(tmp_path, VAL, test))["test"]
    assert found["auroc"] == 1.0 and found["intervals"]["auroc"] is None


def test_few_of_a_class_count_by_patient(tmp_path):
    labels, scores = [1] * 12 + [0] * 48, np.random.default_rng(0).random(60).round(3)
    patients = np.arange(60) // 3  # 4 of them ill
    found = evaluate_predictions(write_run(tmp_path, VAL, (labels, scores), patients))["test"]
    assert found["intervals"]["auroc"] is None


@pytest.mark.parametrize("ill", [5, 10, 20])
def test_the_intervals_of_rare_classes_cover_the_truth(ill):
    random, task = np.random.default_rng(ill), BinaryTask()
    labels, truth = (np.arange(120) < ill).astype(int), ndtr(1 / np.sqrt(2))
    inside = []
    for at in range(300):
        scores = labels + random.normal(size=120)
        (drawn,) = intervals.resample_weights(np.arange(120), 300, seed=at)
        value, *over = auroc(labels, scores, np.vstack([np.ones(120), drawn]))
        test = Predictions(
            Path(), task, np.arange(120).astype(str), np.arange(120), labels, scores, False
        )
        error = intervals.standard_error(np.array(over))
        low, high = metric_interval(task.metric("auroc"), value, error, 119, test)
        inside.append(low <= truth <= high)
    assert 0.93 <= np.mean(inside) <= 0.98


def test_a_test_split_of_one_patient_has_no_intervals(tmp_path):
    run = write_run(tmp_path, VAL, random_scores(20), ["only"] * 20)
    assert set(evaluate_predictions(run)["test"]["intervals"].values()) == {None}


def test_the_same_predictions_give_the_same_bytes_in_any_row_order(tmp_path):
    labels, scores = random_scores(80)
    run = write_run(tmp_path, VAL, (labels, scores), np.arange(80) // 3)
    evaluate_predictions(run)
    first = (run / "metrics.json").read_bytes()
    path = run / "predictions" / "test.csv"
    header, *rows = path.read_text().splitlines()
    path.write_text("\n".join([header, *reversed(rows)]) + "\n")
    evaluate_predictions(run)
    assert (run / "metrics.json").read_bytes() == first
    assert json.loads(first)["interval"]["seed"] == 0


def test_images_in_both_validation_and_test_are_refused(tmp_path):
    run = write_run(tmp_path, VAL, random_scores(20))
    (run / "predictions" / "test.csv").write_bytes((run / "predictions" / "val.csv").read_bytes())
    with pytest.raises(EvaluationError, match=r"test\.csv: 7 images are also in"):
        evaluate_predictions(run)


def test_a_split_of_one_class_is_an_error_that_names_its_file(tmp_path):
    run = write_run(tmp_path, VAL, ([1, 1], [0.5, 0.6]))
    with pytest.raises(EvaluationError, match=r"test\.csv: all 2 images have Disease 1"):
        evaluate_predictions(run)
    assert not (run / "metrics.json").exists()

"""Evaluation of the three kinds of task: baselines, a split that lacks a finding, ranks, coverage."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from bakeoff.evaluation import intervals
from bakeoff.evaluation.baselines import write_baselines
from bakeoff.evaluation.comparison import compare
from bakeoff.evaluation.metrics import evaluate_predictions, metric_interval, resampled
from bakeoff.evaluation.predictions import Predictions
from bakeoff.files import read_json
from bakeoff.task.binary import BinaryTask
from bakeoff.task.classification import ClassificationTask, Labels, Scores
from bakeoff.task.measures import measures_of
from bakeoff.task.multiclass import MulticlassTask
from bakeoff.task.multilabel import MultilabelTask

CLASSES = MulticlassTask(("mild", "none", "severe"))
FINDINGS = MultilabelTask(("Mass", "Fluid", "Rare"))
TASKS: tuple[ClassificationTask, ...] = (BinaryTask(), CLASSES, FINDINGS)


def draw(task: ClassificationTask, drive: NDArray[np.float64]) -> Labels:
    """Labels that a hidden quantity (n,) drives."""
    if task.kind == "binary":
        return (drive > 0.4).astype(np.int64)
    if task.kind == "multiclass":
        return np.digitize(drive, [-0.3, 0.6])
    return np.stack([drive > 0.2, drive < -0.4, drive > 1.4], axis=1).astype(np.int64)


def scores(task: ClassificationTask, labels: Labels, noise: float, seed: int) -> Scores:
    """Probabilities that know the labels, but for noise."""
    random = np.random.default_rng(seed)
    if task.kind == "multiclass":
        logits = 2 * np.eye(3)[labels] + noise * random.normal(size=(len(labels), 3))
        odds = np.exp(logits)
        return np.asarray(odds / odds.sum(axis=1, keepdims=True))
    return np.asarray(
        1 / (1 + np.exp(-(2 * labels - 1 + noise * random.normal(size=labels.shape))))
    )


def write(folder: Path, task: ClassificationTask, val: Labels, test: Labels, noise: float) -> Path:
    """The predictions of a run on these labels, two images for each patient."""
    for split, labels in (("val", val), ("test", test)):
        found = scores(task, labels, noise, seed=1 + (split == "test"))
        frame = pd.DataFrame(
            {
                "Image Index": [f"{split}-{row:03}.png" for row in range(len(labels))],
                "Patient ID": [f"{split}-{row // 2}" for row in range(len(labels))],
                **task.columns_of(labels),
            }
        )
        frame[list(task.score_columns)] = found.reshape(len(labels), -1)
        file = folder / "predictions" / f"{split}.csv"
        file.parent.mkdir(parents=True, exist_ok=True)
        frame.to_csv(file, index=False)
    return folder


@pytest.fixture
def drives() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    random = np.random.default_rng(0)
    return random.normal(size=120), random.normal(size=160)


@pytest.mark.slow(seconds=2)
@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.kind)
def test_the_lower_log_loss_is_the_better_and_differences_are_of_the_same_sign(
    task: ClassificationTask, drives: tuple[Labels, Labels], tmp_path: Path
) -> None:
    val, test = (draw(task, drive) for drive in drives)
    found = {}
    for name, noise in (("rough", 2.5), ("sharp", 0.3)):
        run = write(tmp_path / "runs" / name / "seed-0", task, val, test, noise)
        found[name] = evaluate_predictions(run, task=task)["test"]
        (run / "run.json").write_text("{}")
    assert found["sharp"]["log_loss"] < found["rough"]["log_loss"]
    expected = [("rough", (0,)), ("sharp", (0,))]
    for name in (task.metric().name, "log_loss"):
        table = compare(tmp_path, expected, task=task, metric=task.metric(name)).table
        table = table[table.kind == "variant"]
        assert table.variant.tolist() == ["sharp", "rough"], name
        best, other = table.iloc[0], table.iloc[1]
        column = f"test_{name}_mean"
        behind = other[column] - best[column]
        assert other.difference_to_best == pytest.approx(behind)
        assert (behind > 0) == (name == "log_loss")
        assert other.difference_to_best_low < behind < other.difference_to_best_high
        assert other[f"test_{name}_low"] < other[column] < other[f"test_{name}_high"]


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.kind)
def test_the_majority_knows_the_shares_and_the_metadata_what_the_table_tells(
    task: ClassificationTask, tmp_path: Path
) -> None:
    random = np.random.default_rng(3)
    shares = None
    for name, rows in (("train", 300), ("val", 120), ("test", 120)):
        drive = random.normal(size=rows)
        labels = draw(task, drive)
        shares = measures_of(task).prior(labels) if name == "train" else shares
        ages = 50 + 15 * (drive + 0.3 * random.normal(size=rows))
        frame = pd.DataFrame(
            {
                "Image Index": [f"{name}-{row:03}.png" for row in range(rows)],
                "Patient ID": [f"{name}-{row // 2}" for row in range(rows)],
                "Patient Age": [str(int(age)) for age in ages],
                **task.columns_of(labels),
            }
        )
        (tmp_path / "splits").mkdir(exist_ok=True)
        frame.to_csv(tmp_path / "splits" / f"{name}.csv", index=False)
    write_baselines(tmp_path, task=task)
    folder = tmp_path / "baselines/majority"
    majority = pd.read_csv(folder / "predictions/test.csv")[list(task.score_columns)]
    assert shares is not None
    np.testing.assert_allclose(
        majority.to_numpy(), np.broadcast_to(shares.reshape(1, -1), majority.shape)
    )
    ranking = "auroc" if task.kind == "binary" else "macro_auroc"
    assert read_json(folder / "metrics.json")["test"][ranking] == 0.5
    told = read_json(tmp_path / "baselines/metadata/metrics.json")["test"]
    assert told[ranking] > 0.75


def test_a_test_split_that_lacks_a_finding_is_measured_by_the_others_and_says_so(
    drives: tuple[Labels, Labels], tmp_path: Path
) -> None:
    val, test = (draw(FINDINGS, drive) for drive in drives)
    test[:, 2] = 0
    run = write(tmp_path, FINDINGS, val, test, 1.0)
    found = evaluate_predictions(run, task=FINDINGS)["test"]
    assert found["left_out"] == ["Rare"] and found["classes"]["Rare"]["n"] == 0
    two = [found["classes"][name]["auroc"] for name in ("Mass", "Fluid")]
    assert found["macro_auroc"] == pytest.approx(np.mean(two))
    low, high = found["intervals"]["macro_auroc"]
    assert low < found["macro_auroc"] < high
    assert read_json(run / "metrics.json")["test"] == found


def population(random: np.random.Generator, patients: int) -> tuple[Labels, Scores, Labels]:
    """Images of patients with alike labels and scores; labels (n,), scores (n, 3), units (n,)."""
    units = np.repeat(np.arange(patients), random.geometric(0.5, patients))
    of_patient = random.choice(3, patients, p=[0.5, 0.3, 0.2])
    labels = np.where(random.random(len(units)) < 0.9, of_patient[units], 0)
    shared = random.normal(size=(patients, 3))[units]
    own = random.normal(size=(len(units), 3))
    odds = np.exp(1.5 * np.eye(3)[labels] + 0.8 * shared + 0.6 * own)
    return labels, odds / odds.sum(axis=1, keepdims=True), units


@pytest.mark.slow(seconds=20)
def test_intervals_of_classes_cover_the_truth_as_often_as_they_say() -> None:
    random = np.random.default_rng(9)
    measures = measures_of(CLASSES)
    many, chances, _ = population(random, 200_000)
    truth = measures.values(many, chances, {})
    covered = {name: list[bool]() for name in ("accuracy", "macro_auroc", "log_loss")}
    for _ in range(150):
        labels, found, units = population(random, 80)
        predictions = Predictions(
            path=Path("test.csv"),
            task=CLASSES,
            images=np.array([str(row) for row in range(len(labels))]),
            units=units,
            labels=labels,
            scores=found,
            by_patient=True,
        )
        drawn = resampled(predictions, {}, list(covered))
        values = measures.values(labels, found, {})
        for name, inside in covered.items():
            error = intervals.standard_error(drawn[name])
            degrees = predictions.unit_count - 1
            metric = CLASSES.metric(name)
            interval = metric_interval(metric, values[name], error, degrees, predictions)
            assert interval is not None
            inside.append(interval[0] <= truth[name] <= interval[1])
    shares = {name: float(np.mean(inside)) for name, inside in covered.items()}
    assert all(0.91 <= share <= 0.99 for share in shares.values()), shares

"""Which test images are shown: fixed, of every outcome, not picked."""

from pathlib import Path

import numpy as np

from bakeoff.evaluation.predictions import Predictions
from bakeoff.pictures.choice import OUTCOMES, choose, outcome_of
from bakeoff.task.binary import BinaryTask


def predictions(scores: np.ndarray) -> Predictions:
    count = len(scores)
    return Predictions(
        path=Path("test.csv"),
        task=BinaryTask(),
        images=np.array([f"{i:04}.png" for i in range(count)]),
        units=np.arange(count),
        labels=np.arange(count) % 2,
        scores=scores,
        by_patient=False,
    )


def test_the_four_outcomes_follow_from_label_and_threshold() -> None:
    assert [outcome_of(label, called) for label in (1, 0) for called in (True, False)] == [
        "true positive",
        "false negative",
        "false positive",
        "true negative",
    ]
    scores = np.array([0.5, 0.5, 0.49, 0.49])
    chosen = choose(predictions(scores), 0.5, 9)
    assert {image.name: image.outcome for image in chosen} == {
        "0000.png": "false positive",  # a score at the threshold is called
        "0001.png": "true positive",
        "0002.png": "true negative",
        "0003.png": "false negative",
    }


def test_so_many_of_each_outcome_in_a_fixed_order() -> None:
    scores = np.random.default_rng(0).random(200)
    chosen = choose(predictions(scores), 0.5, 3)
    assert [image.outcome for image in chosen] == [o for o in OUTCOMES for _ in range(3)]
    assert chosen == choose(predictions(scores), 0.5, 3)
    assert choose(predictions(scores), 0.5, 2)[:2] == chosen[:2]


def test_other_scores_of_the_same_outcomes_choose_the_same_images() -> None:
    scores = np.random.default_rng(0).random(200)
    bolder = np.where(scores >= 0.5, 0.99, 0.01)
    one, other = (choose(predictions(values), 0.5, 3) for values in (scores, bolder))
    assert [image.name for image in one] == [image.name for image in other]


def test_an_outcome_that_does_not_occur_is_not_shown() -> None:
    chosen = choose(predictions(np.ones(10)), 0.5, 2)
    assert {image.outcome for image in chosen} == {"true positive", "false positive"}

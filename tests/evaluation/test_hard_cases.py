"""Images that every variant gets wrong, by most of its seeds."""

from pathlib import Path

import numpy as np
import pytest

from bakeoff.evaluation.hard_cases import called_by_most, hard_cases
from bakeoff.evaluation.predictions import Predictions
from bakeoff.task.binary import BinaryTask
from bakeoff.task.kinds import task_of

BINARY = BinaryTask()


def seed(task, labels, scores):
    labels, scores = np.array(labels), np.array(scores, float)
    names, units = np.arange(len(labels)).astype(str), np.arange(len(labels))
    thresholds = dict.fromkeys(task.scored, 0.5)
    return Predictions(Path(), task, names, units, labels, scores, False), thresholds


def test_wrong_is_what_most_seeds_of_every_variant_get_wrong():
    labels = [1, 1, 0, 0]
    conv = [
        seed(BINARY, labels, [0.1, 0.1, 0.9, 0.1]),
        seed(BINARY, labels, [0.2, 0.9, 0.8, 0.1]),
        seed(BINARY, labels, [0.3, 0.9, 0.7, 0.9]),
    ]
    vit = [seed(BINARY, labels, [0.4, 0.1, 0.99, 0.9])]
    found = hard_cases({"conv": conv, "vit": vit})
    assert found.rows.tolist() == [2, 0]  # the surest first
    assert found.by_chance == pytest.approx(4 * (2 / 4) * (4 / 4))
    assert called_by_most(conv).tolist() == [0, 1, 1, 0]


def test_half_of_the_seeds_are_not_most():
    conv = [seed(BINARY, [1, 0], [0.9, 0.1]), seed(BINARY, [1, 0], [0.1, 0.1])]
    assert hard_cases({"conv": conv}).rows.size == 0


def test_several_classes_are_wrong_whatever_they_are_called():
    task = task_of({"kind": "multiclass", "classes": ["a", "b", "c"]})
    conv = [seed(task, [0, 1], [[0.1, 0.8, 0.1], [0.1, 0.8, 0.1]])]
    vit = [seed(task, [0, 1], [[0.1, 0.1, 0.8], [0.8, 0.1, 0.1]])]
    assert hard_cases({"conv": conv, "vit": vit}).rows.tolist() == [0]


def test_of_findings_all_have_to_get_the_same_one_wrong():
    task = task_of({"kind": "multilabel", "findings": ["a", "b"]})
    conv = [seed(task, [[1, 0], [1, 1]], [[0.1, 0.1], [0.9, 0.1]])]
    vit = [seed(task, [[1, 0], [1, 1]], [[0.9, 0.9], [0.9, 0.2]])]
    found = hard_cases({"conv": conv, "vit": vit})
    assert found.rows.tolist() == [1] and found.wrong.tolist() == [[False, False], [False, True]]


def test_where_most_seeds_are_wrong_the_call_is_one_of_the_wrong_ones():
    task = task_of({"kind": "multiclass", "classes": ["a", "b", "c"]})
    sure = np.eye(3) * 0.7 + 0.1
    # Three seeds call the first image a, b and c, which ties, and the second one b, b and a.
    called = [(0, 1), (1, 1), (2, 0)]
    conv = [seed(task, [0, 1], sure[list(own)]) for own in called]
    assert hard_cases({"conv": conv}).rows.tolist() == [0]
    assert called_by_most(conv).tolist() == [1, 1]

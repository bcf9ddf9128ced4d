"""An influence is the derivative of a metric by an image's weight, in every kind of task."""

import numpy as np
import pytest

from bakeoff.task.binary import BinaryTask
from bakeoff.task.kinds import task_of
from bakeoff.task.measures import measures_of

GENERATOR = np.random.default_rng(5)
N, STEP = 60, 1e-6
TRUTH = GENERATOR.integers(0, 3, N)
NOISE = GENERATOR.random((N, 3))
SEVERAL = (NOISE + 0.3 * np.eye(3)[TRUTH]).round(1) + 0.01  # many ties, some wrong
KINDS = {
    "binary": (BinaryTask(), (TRUTH == 1).astype(int), SEVERAL[:, 1] / 2),
    "multiclass": (
        task_of({"kind": "multiclass", "classes": ["a", "b", "c", "absent"]}),
        TRUTH,
        np.c_[SEVERAL, np.zeros(N)] / SEVERAL.sum(axis=1, keepdims=True),
    ),
    "multilabel": (
        task_of({"kind": "multilabel", "findings": ["a", "b", "absent"]}),
        np.c_[(TRUTH == 1), (TRUTH == 2), np.zeros(N)].astype(int),
        SEVERAL / 2,
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_an_influence_is_the_derivative_by_the_weight(kind):
    task, labels, scores = KINDS[kind]
    measures, thresholds = measures_of(task), dict.fromkeys(task.scored, 0.4)
    weights = np.ones((N + 1, N))
    weights[np.arange(N), np.arange(N)] += STEP
    found = measures.resampled(labels, scores, thresholds, weights, task.metric_names)
    for name in task.metric_names:
        derivative = (found[name][:N] - found[name][N]) / STEP
        influence = measures.influences(name, labels, scores, thresholds)
        assert influence == pytest.approx(derivative, abs=1e-5), name
        assert np.abs(influence).max() > 1e-4, name

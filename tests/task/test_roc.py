"""The points of a ROC curve."""

import numpy as np
import pytest
from sklearn import metrics

from bakeoff.task.roc import roc_curve


@pytest.mark.parametrize("decimals", [0, 1, 2, 17])
@pytest.mark.parametrize("images", [2, 3, 4, 10, 500])
@pytest.mark.parametrize("corners", [True, False])
def test_the_points_are_scikit_learns_to_the_bit(images: int, decimals: int, corners: bool) -> None:
    for seed in range(20):
        generator = np.random.default_rng(seed)
        labels = np.append([0, 1], generator.integers(0, 2, images - 2)).astype(np.int64)
        scores = generator.random(images).round(decimals)
        ours = roc_curve(labels, scores, corners=corners)
        theirs = metrics.roc_curve(labels, scores, drop_intermediate=corners)
        assert [one.tobytes() for one in ours] == [one.tobytes() for one in theirs]

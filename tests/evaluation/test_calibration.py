import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss

from bakeoff.evaluation.calibration import (
    PER_BIN,
    bin_count,
    brier_parts,
    error_by_chance,
    expected_error,
    reliability,
    share_influences,
)


def drawn(n=300, seed=0, calibrated=True):
    random = np.random.default_rng(seed)
    scores = random.random(n)
    chances = scores if calibrated else scores**3
    return (random.random(n) < chances).astype(np.int64), scores


def test_the_curve_is_that_of_scikit_learn():
    labels, scores = drawn()
    for decimals in (12, 1):  # the second with many equal scores, and bins that stay empty
        rounded = scores.round(decimals) if decimals > 1 else (scores > 0.7) * 0.5 + 0.1
        shares, means = calibration_curve(labels, rounded, n_bins=10, strategy="quantile")
        found = reliability(labels, rounded, 10)
        there = found.counts > 0
        assert found.shares[there] == pytest.approx(shares)
        assert found.scores[there] == pytest.approx(means)
        assert found.counts.sum() == len(labels)


def test_the_parts_add_up_to_the_brier_score():
    for seed, bins in ((0, 10), (1, 3), (2, 1)):
        labels, scores = drawn(seed=seed, calibrated=False)
        parts = brier_parts(labels, scores, reliability(labels, scores, bins))
        assert parts.brier == pytest.approx(brier_score_loss(labels, scores))
        total = parts.reliability - parts.resolution + parts.uncertainty + parts.within
        assert total == pytest.approx(parts.brier, abs=1e-12)


def test_by_hand():
    labels, scores = np.array([0, 0, 0, 1, 1, 1, 1, 0]), np.array([0.2] * 4 + [0.6] * 4)
    found = reliability(labels, scores, 2)
    assert found.counts.tolist() == [4, 4]
    assert found.shares.tolist() == [0.25, 0.75]
    assert expected_error(found) == pytest.approx((0.05 + 0.15) / 2)
    parts = brier_parts(labels, scores, found)
    assert parts.reliability == pytest.approx((0.05**2 + 0.15**2) / 2)
    assert parts.resolution == pytest.approx(0.25**2)
    assert parts.uncertainty == 0.25
    assert parts.within == pytest.approx(0)


def test_what_a_calibrated_model_shows_by_chance_is_what_it_shows_on_average():
    errors, by_chance = [], []
    for seed in range(200):
        labels, scores = drawn(150, seed)
        found = reliability(labels, scores)
        errors.append(expected_error(found))
        by_chance.append(error_by_chance(found, scores))
    assert np.mean(by_chance) == pytest.approx(np.mean(errors), rel=0.05)


def test_few_images_have_few_bins():
    assert [bin_count(n) for n in (1, PER_BIN, 4 * PER_BIN, 5000)] == [1, 1, 4, 10]


def test_the_influences_give_the_standard_error_of_a_share():
    labels, scores = drawn()
    found = reliability(labels, scores, 5)
    share, count = found.shares[2], found.counts[2]
    error = np.sqrt((share_influences(labels, found, 2) ** 2).sum())
    assert error == pytest.approx(np.sqrt(share * (1 - share) / count))

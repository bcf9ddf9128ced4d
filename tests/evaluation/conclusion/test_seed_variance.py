import numpy as np
import pytest
from scipy import stats

from bakeoff.evaluation.conclusion.seed_variance import bartlett, estimate_seed_variance
from tests.evaluation.conclusion.drawn import figures


def estimate(found):
    return estimate_seed_variance([one.values for one in found], [one.drawn for one in found])


@pytest.mark.parametrize("spread", [0.0, 0.02, 0.05])
def test_what_the_images_do_to_the_seeds_is_taken_off(spread):
    random = np.random.default_rng(0)
    gross, images = [], []
    for _ in range(150):
        found = estimate(figures(random, [0.8] * 4, own=0.03, spread=spread, resamples=200))
        gross.append(found.gross[0])
        images.append(found.images[0])
    assert np.mean(images) == pytest.approx(0.03**2, rel=0.1)
    assert np.mean(gross) - np.mean(images) == pytest.approx(spread**2, abs=3e-4)


def test_the_spread_is_pooled_with_the_degrees_of_all():
    random = np.random.default_rng(1)
    found = estimate(figures(random, [0.8] * 5, seeds=3, spread=0.02))
    assert found.pooled and found.homogeneity > 0.05
    assert list(found.degrees) == [10.0] * 5
    assert len(set(found.gross)) == 1


def test_a_variant_with_one_seed_gets_the_spread_of_the_others():
    random = np.random.default_rng(2)
    made = figures(random, [0.8] * 3, seeds=4, spread=0.02)
    alone = figures(random, [0.8], seeds=1)
    found = estimate([*alone, *made])
    assert found.gross[0] == found.gross[1] > 0
    assert found.degrees[0] == 9


def test_where_the_spreads_differ_each_keeps_its_own_drawn_to_the_middle():
    random = np.random.default_rng(3)
    calm = figures(random, [0.8] * 3, seeds=4, own=0.001, spread=0.002)
    wild = figures(random, [0.8], seeds=4, own=0.001, spread=0.2)
    found = estimate([*calm, *wild])
    assert not found.pooled and found.homogeneity < 0.05
    assert found.gross[3] > 100 * found.gross[0]
    raw = [one.values.var(ddof=1) for one in (*calm, *wild)]
    assert found.gross[3] < raw[3] and found.gross[:3].min() > min(raw)
    assert (found.degrees > 3).all()  # more than its own three


def test_no_second_seed_anywhere_is_nothing_known():
    found = estimate(figures(np.random.default_rng(4), [0.8] * 3, seeds=1))
    assert not found.known and not found.gross.any() and found.homogeneity is None


def test_seeds_that_agree_to_the_last_digit_are_no_fault():
    same = [np.array([0.8, 0.8]), np.array([0.7, 0.7])]
    drawn = [value[:, None] + np.zeros((2, 50)) for value in same]
    found = estimate_seed_variance(same, drawn)
    assert found.pooled and not found.net.any()
    by_chance = [0.1 * at * np.random.default_rng(at).normal(size=(2, 50)) for at in (1, 100)]
    found = estimate_seed_variance(same, by_chance)
    assert found.pooled and found.homogeneity is None and not found.gross.any()
    mixed = [np.array([0.8, 0.8]), np.array([0.7, 0.9])]
    found = estimate_seed_variance(mixed, drawn)
    assert not found.pooled and found.homogeneity == 0.0
    assert np.isfinite(found.gross).all() and found.gross[0] < found.gross[1]


def test_seeds_of_an_accuracy_that_agree_by_chance_do_not_end_the_pooling():
    random, images, apart = np.random.default_rng(5), 200, 0
    tied = 0
    for _ in range(60):
        answers = random.random((20, 2, images)) < 0.8  # of 20 variants with two seeds, all alike
        values = answers.mean(axis=2)
        weights = random.multinomial(images, np.full(images, 1 / images), size=100).T / images
        found = estimate_seed_variance(list(values), list(answers @ weights))
        apart += not found.pooled
        tied += bool((np.ptp(values, axis=1) == 0).any())
    assert tied > 15 and apart <= 6  # 3 are expected at most


def test_bartletts_test_is_that_of_scipy():
    random = np.random.default_rng(0)
    for spread in (1e-6, 0.5, 1.0, 3.0):
        values = [random.normal(0.8, 0.01 * scale, n) for scale, n in ((1, 2), (spread, 3), (1, 9))]
        assert bartlett(values) == pytest.approx(stats.bartlett(*values).pvalue, rel=1e-9)
    alike = [np.array([0.7, 0.8]), np.array([0.6, 0.7]), np.array([0.5, 0.6])]
    assert bartlett(alike) == pytest.approx(1.0)

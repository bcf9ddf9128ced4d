import numpy as np
import pytest
from scipy.special import stdtrit

from bakeoff.evaluation.conclusion import known_errors
from bakeoff.evaluation.conclusion.known_errors import SeedPart


def degrees_of_freedom(sampling, units, parts):
    """Of a single variance."""
    each = [SeedPart(*(np.array([value], dtype=float) for value in part)) for part in parts]
    (found,) = known_errors.degrees_of_freedom(np.array([sampling]), units, each)
    return found


def test_of_images_alone_they_are_the_units_less_one():
    assert degrees_of_freedom(0.01, 21, []) == pytest.approx(20, rel=0.1)


@pytest.mark.parametrize("degrees", [1, 2, 4, 30])
def test_of_seeds_alone_they_are_those_of_the_seeds(degrees):
    part = SeedPart(gross=0.01, images=0.0, degrees=degrees)
    assert degrees_of_freedom(1e-12, 1000, [part]) == pytest.approx(degrees, rel=0.05)


def test_seeds_that_add_next_to_nothing_cost_nothing_where_they_are_well_known():
    part = SeedPart(gross=0.001, images=0.001, degrees=50)
    assert degrees_of_freedom(0.01, 500, [part]) > 100


def test_nothing_varies_and_a_single_unit():
    assert degrees_of_freedom(0.0, 100, []) == np.inf
    assert degrees_of_freedom(0.01, 1, []) == np.inf


def test_of_many_variances_each_is_as_by_itself():
    # Very different ones, of which a drawn variance may be 0, at an own part or a part of all.
    sampling = np.array([1e-12, 0.0, 0.01, 0.01, 1.0])
    gross, images = np.array([0.02, 0.02, 0.0, 0.001, 0.3]), np.array([0.01, 0.01, 0.0, 0.002, 0.0])
    degrees = np.array([1.0, 2.0, np.inf, 38.0, 4.0])
    together = known_errors.degrees_of_freedom(sampling, 130, [SeedPart(gross, images, degrees)])
    alone = [
        degrees_of_freedom(own, 130, [part])
        for own, *part in zip(sampling, gross, images, degrees, strict=True)
    ]
    assert together == pytest.approx(alone, rel=1e-6)
    assert np.isfinite(together).all()
    assert (together >= 1).all()


def test_the_reach_is_where_a_normal_error_stays_within_as_often_as_it_should():
    random = np.random.default_rng(0)
    variance = 0.01 * 100 / random.chisquare(100, 400_000)
    variance += np.maximum(0.0, 0.01 * 4 / random.chisquare(4, len(variance)) - 0.005)
    within = np.quantile(np.abs(random.normal(size=len(variance))) * np.sqrt(variance), 0.95)
    found = degrees_of_freedom(0.01, 101, [(0.01, 0.005, 4)])
    assert stdtrit(found, 0.975) * np.sqrt(0.015) == pytest.approx(within, rel=0.02)


@pytest.mark.parametrize("net", [0.0, 1.0, 4.0])
@pytest.mark.parametrize("degrees", [2, 4, 20])
def test_intervals_hold_their_level_however_much_of_it_is_seeds(net, degrees):
    random = np.random.default_rng(degrees)
    images, others = 1.0, 1.0
    covered = []
    for _ in range(400):
        gross = (images + net) * random.chisquare(degrees) / degrees
        part = SeedPart(gross, images, degrees)
        width = np.sqrt(images + others + max(0.0, gross - images))
        reach = stdtrit(degrees_of_freedom(images + others, 130, [part]), 0.975) * width
        covered.append(abs(random.normal() * np.sqrt(images + others + net)) <= reach)
    assert 0.92 <= np.mean(covered) <= 0.995

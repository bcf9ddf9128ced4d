import numpy as np
import pytest
from scipy.special import stdtrit

from bakeoff.evaluation.conclusion.known_errors import SeedPart, degrees_of_freedom


def test_of_images_alone_they_are_the_units_less_one():
    assert degrees_of_freedom(0.01, 21, []) == pytest.approx(20, rel=0.1)


def test_of_seeds_alone_they_are_those_of_the_seeds():
    part = SeedPart(gross=0.01, images=0.0, degrees=4)
    assert degrees_of_freedom(1e-12, 1000, [part]) == pytest.approx(4, rel=0.05)


def test_seeds_that_add_next_to_nothing_cost_nothing_where_they_are_well_known():
    part = SeedPart(gross=0.001, images=0.001, degrees=50)
    assert degrees_of_freedom(0.01, 500, [part]) > 100


def test_nothing_varies_and_a_single_unit():
    assert degrees_of_freedom(0.0, 100, []) == np.inf
    assert degrees_of_freedom(0.01, 1, []) == np.inf


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

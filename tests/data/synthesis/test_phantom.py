from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from bakeoff.data.synthesis.cohort import Study, draw_cohort
from bakeoff.data.synthesis.phantom import draw


@pytest.fixture(scope="module")
def healthy() -> list[Study]:
    return [replace(study, marks=()) for study in draw_cohort(40, 0, 0.0)]


@pytest.mark.parametrize("size", [32, 100, 300])
def test_a_film_has_the_size_asked_for_and_uses_the_grey_scale(
    healthy: list[Study], size: int
) -> None:
    film = draw(healthy[0], size, 0)
    assert film.shape == (size, size)
    assert film.dtype == np.uint8
    assert np.ptp(film) > 120


def test_lungs_are_dark_between_a_bright_spine_and_a_bright_belly(healthy: list[Study]) -> None:
    for study in healthy[:12]:
        film = draw(study, 100, 0).astype(float)
        lungs = np.mean([film[30:50, 22:34], film[30:50, 66:78]])
        spine, belly = film[30:50, 47:53].mean(), film[88:97, 30:70].mean()
        assert lungs + 30 < spine
        assert lungs + 50 < belly


def test_the_same_study_gives_the_same_bits_and_another_seed_another_chest(
    healthy: list[Study],
) -> None:
    study = healthy[0]
    np.testing.assert_array_equal(draw(study, 96, 5), draw(study, 96, 5))
    assert (draw(study, 96, 5) != draw(study, 96, 6)).mean() > 0.5


@pytest.mark.slow(seconds=3)
def test_films_of_a_patient_look_more_alike_than_those_of_two(healthy: list[Study]) -> None:
    def likeness(one: Study, other: Study) -> float:
        films = [draw(study, 64, 0).astype(float).ravel() for study in (one, other)]
        return float(np.corrcoef(*films)[0, 1])

    upright = [replace(study, view="PA", sex="F", follow_up=0) for study in healthy]
    firsts = list({study.patient_id: study for study in upright}.values())[:24]
    same = [likeness(study, replace(study, follow_up=1)) for study in firsts]
    others = [likeness(a, b) for a, b in pairwise(firsts)]
    assert np.mean(same) > np.mean(others) + 0.03


def test_a_film_shows_the_same_at_every_size(healthy: list[Study]) -> None:
    small = draw(healthy[0], 64, 0).astype(float)
    large = Image.fromarray(draw(healthy[0], 1024, 0)).resize((64, 64), Image.Resampling.BOX)
    assert np.corrcoef(small.ravel(), np.asarray(large, dtype=float).ravel())[0, 1] > 0.99

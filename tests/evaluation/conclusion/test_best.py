import numpy as np
import pytest

from bakeoff.evaluation.conclusion.best import may_be_best, not_best_p
from bakeoff.evaluation.conclusion.joint_errors import Figures, joint_errors
from bakeoff.evaluation.conclusion.pairs import compare_pairs
from tests.evaluation.conclusion.drawn import errors


def set_of(found):
    return tuple(may_be_best(not_best_p(found)))


def test_of_two_variants_the_worse_is_out_just_if_the_pair_is_told_apart():
    random = np.random.default_rng(0)
    for truth in (0.80, 0.77, 0.75):
        found = errors(random, (0.80, truth))
        worse = int(found.means.argmin())
        assert not_best_p(found)[worse] == compare_pairs(found)[0].p


def test_who_is_far_behind_is_out_and_equals_are_in():
    found = errors(np.random.default_rng(8), (0.80, 0.801, 0.60, 0.55))
    assert set_of(found) == (True, True, False, False)


def test_when_the_worst_are_out_less_is_asked_of_the_rest():
    """What one comparison of all at once would not tell apart."""
    behind = np.linspace(0.30, 0.40, 12)
    found = errors(np.random.default_rng(2), (0.80, 0.756, *behind), seeds=2)
    pair = next(p for p in compare_pairs(found) if {p.first, p.second} == {"v0", "v1"})
    assert not_best_p(found)[1] <= pair.p
    assert set_of(found) == (True, False, *[False] * 12)


def test_all_that_are_equal_stay_in_at_once():
    random = np.random.default_rng(3)
    dropped = sum(not all(set_of(errors(random, [0.8] * 6, spread=0.01))) for _ in range(150))
    assert dropped <= 15  # 7.5 expected; one in 2,000 times more than 15


def test_one_alone_is_the_best_and_nothing_known_leaves_all_in():
    assert set_of(errors(np.random.default_rng(4), (0.8,))) == (True,)
    flat = [
        Figures(str(at), np.array([value]), np.full((1, 1), np.nan))
        for at, value in enumerate((0.9, 0.1))
    ]
    assert set_of(joint_errors(flat, 1)) == (True, True)


def test_a_perfect_figure_is_not_certain_to_be_better_and_ties_with_another():
    random = np.random.default_rng(5)
    near = 0.97 + 0.01 * random.normal(size=(1, 500))
    perfect = np.ones((1, 500))
    figures = [
        Figures("perfect", np.ones(1), perfect, floor=0.02),
        Figures("again", np.ones(1), perfect, floor=0.02),
        Figures("near", np.array([0.98]), near),
        Figures("far", np.array([0.6]), near - 0.37),
    ]
    assert set_of(joint_errors(figures, 40)) == (True, True, True, False)


@pytest.mark.slow(seconds=3)
def test_a_hundred_variants_take_seconds():
    found = set_of(errors(np.random.default_rng(6), np.linspace(0.5, 0.9, 100)))
    assert found[-1] and not found[0]

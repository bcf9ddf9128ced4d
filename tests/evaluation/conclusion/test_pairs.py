import numpy as np
import pytest

from bakeoff.evaluation.conclusion.best import may_be_best, not_best_p
from bakeoff.evaluation.conclusion.joint_errors import Figures, joint_errors
from bakeoff.evaluation.conclusion.pairs import compare_pairs, compare_to_one, holm
from tests.evaluation.conclusion.drawn import UNITS, errors, figures


def test_holms_adjustment_by_hand():
    found = holm(np.array([0.01, 0.04, 0.03, 0.005]))
    assert found == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm(np.array([0.5, 0.9])) == pytest.approx([1.0, 1.0])


def test_adjusted_p_values_lie_between_the_unadjusted_and_bonferronis():
    random = np.random.default_rng(1)
    found = errors(random, (0.80, 0.79, 0.78, 0.75, 0.70))
    pairs = compare_pairs(found)
    assert len(pairs) == 10
    for pair in pairs:
        alone = compare_pairs(_only(found, pair))[0].p
        assert pair.difference >= 0
        assert alone - 0.01 <= pair.p <= min(1, 10 * alone) + 0.02
        # Holm's knows nothing of how the differences hang together.
        assert pair.p <= pair.p_holm + 0.02
    ordered = sorted(pairs, key=lambda pair: -pair.difference / (pair.high - pair.low))
    ps = [pair.p for pair in ordered]
    assert ps == sorted(ps)


def _only(found, pair):
    at = [found.names.index(name) for name in (pair.first, pair.second)]
    figures = [
        Figures(
            found.names[i], np.array([found.means[i]]), found.means[i] + found.sampling[i][None]
        )
        for i in at
    ]
    return joint_errors(figures, UNITS)


def test_two_variants_are_told_apart_just_if_their_interval_misses_zero():
    random = np.random.default_rng(2)
    agreed = 0
    for _ in range(60):
        (pair,) = compare_pairs(errors(random, (0.80, 0.78), seeds=2, resamples=4000))
        agreed += (pair.p <= 0.05) == (pair.low > 0)
    assert agreed >= 58  # the draws of one, the quantile of the other


def test_equivalent_is_who_lies_within_the_margin_and_is_not_better():
    random = np.random.default_rng(3)
    found = errors(random, (0.80, 0.80, 0.60))
    answers = {frozenset((p.first, p.second)): p for p in compare_pairs(found, margin=0.05)}
    assert answers[frozenset(("v0", "v1"))].answer == "equivalent"
    assert answers[frozenset(("v0", "v2"))].answer == "better"
    assert answers[frozenset(("v0", "v2"))].p_equivalent == pytest.approx(1.0)
    tight = {frozenset((p.first, p.second)): p for p in compare_pairs(found, margin=0.001)}
    assert tight[frozenset(("v0", "v1"))].answer == "cannot be told"
    assert compare_pairs(found)[0].p_equivalent is None


def test_two_one_sided_tests_are_those_of_the_interval_at_ninety_percent():
    (pair,) = compare_pairs(errors(np.random.default_rng(4), (0.80, 0.79), seeds=1), margin=0.5)
    half = (pair.high - pair.low) / 2 * 1.657 / 1.979  # t with 129 degrees, 90 % instead of 95 %
    edge = pair.difference + half
    (inside,) = compare_pairs(
        errors(np.random.default_rng(4), (0.80, 0.79), seeds=1), margin=edge + 1e-3
    )
    (outside,) = compare_pairs(
        errors(np.random.default_rng(4), (0.80, 0.79), seeds=1), margin=edge - 1e-3
    )
    assert inside.p_equivalent < 0.05 < outside.p_equivalent


def test_each_variant_is_compared_to_one_in_a_family_of_its_own():
    found = errors(np.random.default_rng(5), (0.80, 0.79, 0.70))
    told = compare_to_one(found, 2)
    assert [(pair.first, pair.second) for pair in told] == [("v0", "v2"), ("v1", "v2")]
    every = {(p.first, p.second): p.p for p in compare_pairs(found)}
    assert all(pair.p <= every[pair.first, pair.second] for pair in told)


def test_a_variant_behind_the_baseline_is_worse_than_it() -> None:
    random = np.random.default_rng(4)
    noise = 0.01 * random.normal(size=(3, 500))
    figures = [
        Figures(name, np.array([mean]), mean + noise[at : at + 1])
        for at, (name, mean) in enumerate((("ahead", 0.9), ("behind", 0.1), ("baseline", 0.5)))
    ]
    errors = joint_errors(figures[:2], 100, figures[2:])
    told = {pair.first: (pair.answer, pair.difference > 0) for pair in compare_to_one(errors, 2)}
    assert told == {"ahead": ("better", True), "behind": ("worse", False)}


def test_a_difference_that_no_resample_moves_is_unknown_and_not_certain():
    """Three patients of four images, one wrong of each by A, two by B: every draw of them says the same."""
    for noise in (0.0, 1e-17):  # and as sums are rounded
        drawn = noise * np.random.default_rng(0).normal(size=(2, 1, 500))
        made = [
            Figures(name, np.array([value]), value + own)
            for name, value, own in zip("AB", (0.75, 0.5), drawn, strict=True)
        ]
        found = joint_errors(made, 3)
        (pair,) = compare_pairs(found, margin=0.3)
        assert (pair.p, pair.p_holm, pair.p_equivalent) == (1.0, 1.0, 1.0)
        assert pair.answer == "cannot be told" and pair.low is None
        assert not_best_p(found).tolist() == [1.0, 1.0]


@pytest.mark.parametrize(("moved", "equivalent"), [(0.02, True), (0.0, False)])
def test_models_that_agree_are_equivalent_where_the_images_could_move_them(moved, equivalent):
    drawn = 0.8 + moved * np.random.default_rng(0).normal(size=(1, 500))
    made = [Figures(name, np.array([0.8]), drawn) for name in "AB"]
    (pair,) = compare_pairs(joint_errors(made, UNITS), margin=0.01)
    assert pair.p == 1.0 and (pair.answer == "equivalent") is equivalent


def test_two_that_are_always_as_far_apart_leave_the_rest_as_it_is():
    first, second = figures(np.random.default_rng(6), (0.80, 0.70), seeds=1)
    behind = Figures("as v0", first.values - 1e-3, first.drawn - 1e-3)
    found = joint_errors([first, second, behind], UNITS)
    told = {(pair.first, pair.second): pair for pair in compare_pairs(found)}
    assert told["v0", "as v0"].p == 1.0
    assert told["v0", "v1"].answer == told["as v0", "v1"].answer == "better"
    assert may_be_best(not_best_p(found)) == [True, False, True]

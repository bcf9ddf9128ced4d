"""The conclusion as a whole: what it names, what it says of choosing, and that it is written whole."""

import json

import numpy as np
import pytest
from pydantic import TypeAdapter

from bakeoff.evaluation.conclusion.conclusion import Conclusion, Sample, conclude
from bakeoff.evaluation.conclusion.joint_errors import Figures, joint_errors
from bakeoff.evaluation.conclusion.power import detectable, what_more_brings
from bakeoff.evaluation.conclusion.selection import flattery
from tests.evaluation.conclusion.drawn import UNITS, errors, figures

SAMPLE = Sample("patient", UNITS, 200)


def concluded(truths, seed=0, *, validation=(), **how):
    made = figures(np.random.default_rng(seed), truths, **how)
    return conclude("auroc", made, SAMPLE, validation=validation, bounds=(0, 1))


def test_places_and_letters_follow_from_the_pairs():
    said = concluded((0.6, 0.9, 0.85, 0.852))
    assert [one.name for one in said.contenders][-1] == "v0"
    assert said.contenders[0].places == (1, 1) and said.contenders[-1].places == (4, 4)
    assert {one.places for one in said.contenders[1:3]} == {(2, 3)}
    assert [one.letters for one in said.contenders] == ["a", "b", "b", "c"]
    assert said.best == ["v1"] and set(said.worse) == {"v0", "v2", "v3"}


def test_who_is_outside_the_set_is_not_first_though_no_pair_tells_it_from_the_leader():
    said = concluded((0.83, 0.81, 0.80, 0.78), seed=6)
    leader, second, *_ = said.contenders
    assert set(leader.letters) & set(second.letters) and not second.may_be_best
    assert leader.places[0] == 1 and second.places == (2, 4)


def test_validation_chooses_and_the_leader_on_test_is_called_that():
    said = concluded((0.80, 0.81, 0.79), validation=(0.7, 0.72, 0.75))
    assert said.choice.validation == "v2" and said.choice.leader == said.contenders[0].name
    assert concluded((0.8, 0.7)).choice.validation is None
    assert concluded((0.8, 0.7), validation=(np.nan, np.nan)).choice.validation is None


def test_being_first_of_many_equals_flatters_as_much_as_is_estimated():
    random = np.random.default_rng(1)
    estimated, real = [], []
    for _ in range(120):
        found = errors(random, [0.8] * 10, seeds=1, images=0.0, own=0.03, resamples=400)
        estimated.append(flattery(found))
        real.append(found.means.max() - 0.8)
    assert np.mean(estimated) == pytest.approx(np.mean(real), rel=0.2)
    # Far ahead, being first is no luck.
    assert flattery(errors(random, [0.99, *[0.5] * 9], seeds=1, own=0.01)) < 0.005


def test_the_detectable_difference_is_found_four_times_in_five():
    random = np.random.default_rng(2)
    how = {"own": 0.02, "spread": 0.02, "resamples": 500}
    could = np.median([detectable(errors(random, [0.7] * 4, **how)) for _ in range(60)])
    told = 0
    for _ in range(150):
        made = figures(random, (0.7 + could, 0.7, 0.7, 0.7), **how)
        said = conclude("auroc", made, SAMPLE)
        told += any(
            p.first == "v0" and p.second == "v1" and p.answer == "better" for p in said.pairs
        )
    assert 0.7 <= told / 150 <= 0.9


def test_more_patients_and_more_seeds_show_smaller_differences():
    found = errors(np.random.default_rng(3), [0.7] * 4, own=0.02, spread=0.03)
    more = {(one.units, one.seeds): one.difference for one in what_more_brings(found)}
    units, seeds = sorted({key[0] for key in more}), sorted({key[1] for key in more})
    assert units == [UNITS, 2 * UNITS, 4 * UNITS] and seeds == [3, 6, 12]
    for many, fewer in ((1, 0), (2, 1)):
        assert more[units[many], 3] < more[units[fewer], 3]
        assert more[UNITS, seeds[many]] < more[UNITS, seeds[fewer]]
    assert more[UNITS, 3] == pytest.approx(detectable(found))


def test_a_difference_that_could_not_be_is_none_to_be_found():
    wide = errors(np.random.default_rng(4), [0.5] * 3, seeds=2, spread=0.9)
    assert detectable(wide) is not None
    assert detectable(joint_errors(_again(wide), UNITS, bounds=(0, 1))) is None


def _again(found):
    return [
        Figures(name, np.array([mean, mean + 0.9]), np.tile(mean + own, (2, 1)))
        for name, mean, own in zip(found.names, found.means, found.sampling, strict=True)
    ]


def test_a_conclusion_is_read_as_it_was_written():
    adapter = TypeAdapter(Conclusion)
    made = figures(np.random.default_rng(5), (0.8, 0.7, 0.6))
    base = figures(np.random.default_rng(6), (0.5,), seeds=1)[0]
    said = conclude(
        "auroc", made, SAMPLE, validation=(0.7, 0.6, 0.5), baseline=base, margin=0.02, bounds=(0, 1)
    )
    text = json.dumps(adapter.dump_python(said), allow_nan=False)
    assert adapter.validate_json(text) == said
    assert [pair.second for pair in said.baseline] == ["v0"] * 3


def test_one_variant_alone_has_no_pairs_and_nothing_to_find():
    said = concluded((0.8,), validation=(0.7,))
    assert said.pairs == () and said.resolution.difference is None and said.resolution.more == ()
    assert said.best == ["v0"] and said.choice.flattery == 0


def test_resamples_in_which_a_figure_is_not_defined_are_left_out_for_all():
    made = figures(np.random.default_rng(7), (0.8, 0.7), resamples=300)
    made[0].drawn[:, :100] = np.nan
    assert conclude("auroc", made, SAMPLE).resamples == 200


def test_with_one_seed_each_it_is_about_the_models():
    assert not concluded((0.8, 0.7), seeds=1).of_variants
    assert concluded((0.8, 0.7), seeds=2).of_variants


def test_of_a_single_patient_no_share_of_the_uncertainty_is_known():
    made = figures(np.random.default_rng(0), (0.8, 0.7))
    assert conclude("auroc", made, SAMPLE).seeds.share is not None
    assert conclude("auroc", made, Sample("patient", 1, 3)).seeds.share is None


def test_after_rounds_every_p_value_is_doubled_and_the_detectable_difference_larger():
    random = np.random.default_rng(8)
    drawn = figures(random, (0.80, 0.78, 0.72))
    sample = Sample("patient", UNITS, 200)
    plain, rounds = (conclude("auroc", drawn, sample, rounds=after) for after in (False, True))
    for before, after in zip(plain.pairs, rounds.pairs, strict=True):
        assert after.p == min(1.0, 2 * before.p) and after.p_holm == min(1.0, 2 * before.p_holm)
        assert (after.low, after.high) == (before.low, before.high)
    for before, after in zip(plain.contenders, rounds.contenders, strict=True):
        assert after.p_best == min(1.0, 2 * before.p_best)
    assert rounds.resolution.difference > plain.resolution.difference

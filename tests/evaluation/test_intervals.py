import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from bakeoff.evaluation import intervals
from bakeoff.task import resampled_metrics as resampled


def cohort(generator, patients, auroc):
    """Images of patients with alike scores: (labels, scores, units), the AUROC known by design."""
    units = np.repeat(np.arange(patients), generator.geometric(0.5, patients))
    ill = generator.random(patients) < 0.5
    labels = np.where(generator.random(len(units)) < 0.9, ill[units], ~ill[units]).astype(np.int64)
    shift = np.sqrt(2) * norm.ppf(auroc)
    own, shared = generator.normal(size=len(units)), generator.normal(size=patients)[units]
    return labels, shift * labels + np.sqrt(0.7) * shared + np.sqrt(0.3) * own, units


def covers(labels, scores, units, truth):
    weights = intervals.resample_weights(units, resamples=400)
    drawn = np.concatenate([resampled.auroc(labels, scores, chunk) for chunk in weights])
    error = intervals.standard_error(drawn)
    value = roc_auc_score(labels, scores)
    low, high = intervals.share_interval(value, error, units.max())
    return low <= truth <= high


@pytest.mark.slow(seconds=4)
@pytest.mark.parametrize("auroc", [0.65, 0.85, 0.93])
def test_the_interval_covers_the_true_auroc_as_often_as_it_says(auroc):
    generator = np.random.default_rng(7)
    draws = [cohort(generator, 60, auroc) for _ in range(400)]
    assert 0.92 <= np.mean([covers(*draw, auroc) for draw in draws]) <= 0.98


@pytest.mark.slow(seconds=5)
def test_taking_images_for_independent_patients_covers_too_rarely():
    generator = np.random.default_rng(7)
    draws = [cohort(generator, 60, 0.85) for _ in range(400)]
    alone = [covers(labels, scores, np.arange(len(units)), 0.85) for labels, scores, units in draws]
    assert np.mean(alone) < 0.90


def test_all_images_of_a_patient_are_drawn_together_and_every_resample_has_all_patients_draws():
    units = np.array([0, 1, 1, 2, 0])
    weights = np.concatenate(list(intervals.resample_weights(units, resamples=50)))
    assert (weights[:, 0] == weights[:, 4]).all()
    assert (weights[:, 1] == weights[:, 2]).all()
    assert (weights[:, 0] + weights[:, 1] + weights[:, 3] == 3).all()


def test_the_same_units_and_seed_give_the_same_draws_in_any_number_of_chunks(monkeypatch):
    units = np.arange(40) // 2
    whole = np.concatenate(list(intervals.resample_weights(units, resamples=30)))
    monkeypatch.setattr(intervals, "_CELLS", 40 * 7)
    chunks = list(intervals.resample_weights(units, resamples=30))
    assert [len(chunk) for chunk in chunks] == [7, 7, 7, 7, 2]
    assert np.array_equal(whole, np.concatenate(chunks))
    assert not np.array_equal(whole, next(intervals.resample_weights(units, 30, seed=1))[:30])


def test_the_interval_of_a_share_stays_inside_0_and_1():
    low, high = intervals.share_interval(0.98, 0.05)
    assert 0 < low < 0.98 < high < 1


@pytest.mark.parametrize(("error", "degrees"), [(float("nan"), 10), (0.0, 10), (0.1, 0)])
def test_where_nothing_is_known_there_is_no_interval(error, degrees):
    assert intervals.share_interval(0.7, error, degrees) is None
    assert intervals.difference_interval(0.1, error, degrees) is None


def test_a_perfect_share_of_few_patients_is_not_certain():
    # Wilson's lower end for 20 of 20 is 1 / (1 + 1.96² / 20).
    assert intervals.perfect_share_interval(1.0, 20) == pytest.approx((0.8389, 1.0), abs=1e-4)
    assert intervals.perfect_share_interval(0.0, 20) == pytest.approx((0.0, 0.1611), abs=1e-4)


def test_a_perfect_auroc_solves_newcombes_score_equation():
    m, n, z = 12, 30, norm.ppf(0.975)
    low, high = intervals.perfect_auroc_interval(1.0, m, n)
    spread = 1 + ((m + n) / 2 - 1) * ((1 - low) / (2 - low) + low / (1 + low))
    assert high == 1.0
    assert 1 - low == pytest.approx(z * np.sqrt(low * (1 - low) * spread / (m * n)), rel=1e-6)
    assert intervals.perfect_auroc_interval(0.0, m, n) == pytest.approx((0.0, 1 - low))
    assert intervals.perfect_auroc_interval(1.0, 120, 300).low > low


def test_the_degrees_of_freedom_are_those_of_welch_and_satterthwaite():
    # Two equal parts with 2 degrees each give 4; a part without error leaves the other's.
    assert intervals.effective_degrees([(1.0, 2), (1.0, 2)]) == pytest.approx(4)
    assert intervals.effective_degrees([(1.0, 9), (0.0, 1)]) == pytest.approx(9)
    assert intervals.effective_degrees([(1.0, 0), (1.0, 9)]) == 0

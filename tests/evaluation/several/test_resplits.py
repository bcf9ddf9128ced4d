"""Figures over repeats: the corrected interval by hand, by SciPy, and how often it is right."""

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from bakeoff.evaluation.competitors import Competitor
from bakeoff.evaluation.several import resplits
from bakeoff.evaluation.several.parts import Part
from bakeoff.evaluation.several.resplits import Resplits, corrected_error, over_splits
from bakeoff.task.binary import BinaryTask
from bakeoff.task.classification import Metric

AUROC, LOSS = BinaryTask().metric(), BinaryTask().metric("brier")


class Given(Part):
    """A part whose figures are given."""

    def by_seed(self, variant: str, metric: Metric) -> np.ndarray:
        return np.array(GIVEN[self.name][variant], float)


GIVEN: dict[str, dict[str, list[float]]] = {}


def over(
    figures: dict[str, list[float]], metric: Metric = AUROC, margin: float | None = None
) -> Resplits:
    """Of variants with a figure by part, tested on a third of the images that they are trained on."""
    GIVEN.clear()
    parts: list[Part] = []
    variants = tuple(Competitor("variant", name, 1, (), "") for name in figures)
    for at in range(len(next(iter(figures.values())))):
        GIVEN[f"repeat-{at}"] = {
            name: [values[at]] if np.isfinite(values[at]) else []
            for name, values in figures.items()
        }
        images = {"train": 600, "val": 200, "test": 200}
        parts.append(Given(f"repeat-{at}", images, 100, None, (), None, variants))
    return over_splits(parts, metric, margin)


def test_the_corrected_error_by_hand() -> None:
    """Variance of 1, 2, 3, 4, 5: 2.5; times 1/5 + 1/3."""
    values = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    assert corrected_error(values, 1 / 3) == pytest.approx(np.sqrt(2.5 * (0.2 + 1 / 3)))


def test_without_overlap_it_is_students_paired_test() -> None:
    a, b = [0.81, 0.84, 0.79, 0.86, 0.83], [0.78, 0.83, 0.77, 0.82, 0.84]
    (pair,) = over({"a": a, "b": b}).pairs
    assert pair.first == "a" and pair.difference == pytest.approx(0.018)
    gap = np.subtract(a, b)
    assert resplits._p(gap, 0.0) == pytest.approx(stats.ttest_rel(a, b).pvalue)
    corrected = stats.ttest_rel(a, b).statistic * np.sqrt((1 / 5) / (1 / 5 + 1 / 3))
    assert pair.p == pytest.approx(2 * stats.t.sf(corrected, 4))
    reach = stats.t.ppf(0.975, 4) * np.sqrt((1 / 5 + 1 / 3) * gap.var(ddof=1))
    assert (pair.low, pair.high) == pytest.approx((0.018 - reach, 0.018 + reach))


def test_of_a_loss_the_lower_is_ahead() -> None:
    found = over({"a": [0.3, 0.31, 0.29], "b": [0.1, 0.11, 0.12]}, LOSS)
    assert [one.name for one in found.variants] == ["b", "a"]
    (pair,) = found.pairs
    assert (pair.first, pair.answer) == ("b", "better") and pair.difference > 0
    assert found.best == ["b"]


def test_a_variant_that_lacks_a_repeat_is_not_compared() -> None:
    found = over({"a": [0.8, 0.9, 0.7], "b": [0.8, float("nan"), 0.7]})
    assert found.incomplete == ("b",) and not found.pairs
    assert [one.name for one in found.variants] == ["a"]


def test_equal_figures_have_no_interval_and_are_not_told_apart() -> None:
    found = over({"a": [0.8, 0.8, 0.8], "b": [0.8, 0.8, 0.8]}, margin=0.02)
    (pair,) = found.pairs
    assert (pair.low, pair.high, pair.answer) == (None, None, "cannot be told")
    apart = over({"a": [25 / 30, 26 / 30, 24 / 30], "b": [24 / 30, 25 / 30, 23 / 30]}, margin=0.1)
    (pair,) = apart.pairs  # an image on each split: nothing is known of how far that spreads
    assert (pair.p, pair.p_equivalent, pair.answer) == (1.0, 1.0, "cannot be told")
    assert found.variants[0].low is None and found.best == ["a", "b"]


@pytest.mark.slow(seconds=3)
def test_equal_variants_are_told_apart_as_rarely_as_it_says() -> None:
    """Figures on splits of the same data are correlated by n2 / (n1 + n2), which is the paper's estimate."""
    random = np.random.default_rng(3)
    rho = 200 / 800
    false, corrected, plain = 2000, 0, 0
    for _ in range(false):
        gap = np.sqrt(rho) * random.normal() + np.sqrt(1 - rho) * random.normal(size=5)
        corrected += resplits._p(gap, 1 / 3) <= 0.05
        plain += resplits._p(gap, 0.0) <= 0.05
    assert stats.binomtest(corrected, false, 0.05).pvalue > 1e-4
    assert plain / false > 0.12  # what is corrected


def test_the_corrected_interval_is_in_the_results(tmp_path: Path) -> None:
    from bakeoff.evaluation.several.overview import read_overview, write_overview
    from tests.evaluation.several.results import write_part

    parts = []
    for number in (1, 2, 3):
        folder = tmp_path / f"repeat-{number}"
        patients = np.arange(40) + 20 * number
        expected = write_part(folder, {"far": [2.0, 2.2], "near": [0.5, 0.4]}, patients, number)
        parts.append((f"repeat-{number}", folder, expected))
    written = write_overview(tmp_path, "repeats", parts, BinaryTask(), AUROC)
    assert read_overview(tmp_path / "overview.json") == written
    assert written.resplits is not None and written.resplits.overlap == pytest.approx(1 / 3)
    first = written.resplits.variants[0]
    assert first.name == "far" and first.low is not None and first.high is not None
    means = [part.figures[0].mean for part in written.parts]
    assert first.values == pytest.approx(means) and first.mean == pytest.approx(np.mean(means))
    assert first.low < min(means) < first.high


@pytest.mark.slow(seconds=4)
def test_splits_that_happen_to_agree_are_no_surer_than_one_of_them(tmp_path: Path) -> None:
    from bakeoff.evaluation.several.parts import read_parts
    from tests.evaluation.several.results import write_part

    parts = []
    for number in (1, 2):
        folder = tmp_path / str(number)
        expected = write_part(folder, {"a": [1.4], "b": [1.0]}, np.arange(30), seed=7)
        parts.append((str(number), folder, expected))
    twice = read_parts(parts, BinaryTask(), AUROC)  # the same split, so that nothing spreads
    (pair,) = over_splits(twice, AUROC).pairs
    assert twice[0].conclusion is not None
    (own,) = twice[0].conclusion.pairs
    assert pair.low is not None and own.low is not None and pair.low < own.low
    assert over_splits(twice, AUROC, rounds=True).pairs[0].p == min(1.0, 2 * pair.p)

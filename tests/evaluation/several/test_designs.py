"""What a split is worth: joint draws of the patients of both test sets, against resampling them all."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from bakeoff.errors import EvaluationError
from bakeoff.evaluation.conclusion.joint_errors import Figures, joint_errors
from bakeoff.evaluation.several import designs
from bakeoff.evaluation.several.designs import worths
from bakeoff.evaluation.several.overview import write_overview
from bakeoff.evaluation.several.parts import Part, read_parts
from bakeoff.task.binary import BinaryTask
from tests.evaluation.several.results import SHARED, write_part

TASK = BinaryTask()
pytestmark = pytest.mark.slow(seconds=5)


def parts_of(folder: Path, **parts: tuple[dict[str, list[float]], np.ndarray]) -> list[Part]:
    found = []
    for at, (name, (gaps, patients)) in enumerate(parts.items()):
        found.append((name, folder / name, write_part(folder / name, gaps, patients, at)))
    return read_parts(found, TASK, TASK.metric())


def resampled(one: Part, other: Part, draws: int = 400) -> float:
    """The standard error of the difference of mean AUROCs, by drawing the patients of both test sets."""
    tests = [part.test for part in (one, other)]
    everybody = sorted({name for test in tests if test for name in test.unit_names})
    random = np.random.default_rng(5)
    units = {
        part.name: np.array([everybody.index(name) for name in part.test.unit_names])[
            part.test.units
        ]
        for part in (one, other)
        if part.test
    }
    found = []
    for _ in range(draws):
        weights = np.bincount(random.integers(len(everybody), size=len(everybody)))
        weights = np.pad(weights, (0, len(everybody) - len(weights)))
        values = []
        for part in (one, other):
            test = part.test
            assert test is not None
            own = units[part.name]
            scores = [entry.test.scores for entry in part.variants[0].entries]
            values.append(
                np.mean([roc_auc_score(test.labels, s, sample_weight=weights[own]) for s in scores])
            )
        found.append(values[0] - values[1])
    return float(np.std(found, ddof=1))


@pytest.mark.parametrize("shift", [0, 30, 200])
def test_the_error_is_that_of_drawing_all_patients(tmp_path: Path, shift: int) -> None:
    """Test sets of the same patients, of half of them, and of others."""
    gaps = {"conv": [1.0]}  # of one seed: the patients alone
    first, second = parts_of(
        tmp_path,
        whole=(gaps, np.arange(80)),
        rows=({"conv": [1.6]}, np.arange(80) + shift),
    )
    (worth,) = worths([first, second], TASK.metric())
    assert worth.variant == "conv" and (worth.design, worth.reference) == ("rows", "whole")
    assert worth.low is not None and worth.high is not None
    means = [part.by_seed("conv", TASK.metric()).mean() for part in (first, second)]
    assert worth.difference == pytest.approx(means[1] - means[0])
    error = (worth.high - worth.low) / 2 / 1.98
    assert error == pytest.approx(resampled(second, first), rel=0.15)


def test_the_mean_over_variants_comes_first_and_knows_the_seeds(tmp_path: Path) -> None:
    few = {"a": [1.0, 1.4, 0.8], "b": [1.2, 0.9, 1.5]}
    alike = {"a": [1.0, 1.0, 1.0], "b": [1.2, 1.2, 1.2]}
    patients = np.arange(60)
    wide, narrow = (
        worths(
            parts_of(tmp_path / name, one=(gaps, patients), other=(gaps, patients)), TASK.metric()
        )
        for name, gaps in (("few", few), ("alike", alike))
    )
    assert [one.variant for one in wide] == [None, "a", "b"]
    assert wide[0].difference == pytest.approx(np.mean([one.difference for one in wide[1:]]))
    for one, other in zip(wide, narrow, strict=True):
        assert one.low is not None and one.high is not None
        assert other.low is not None and other.high is not None
        assert one.high - one.low > 2 * (other.high - other.low)


def test_a_variant_without_a_run_on_one_of_them_has_no_worth(tmp_path: Path) -> None:
    parts = parts_of(
        tmp_path,
        one=({"a": [1.0], "b": [1.0]}, np.arange(40)),
        other=({"a": [1.0], "b": []}, np.arange(40)),
    )
    assert [one.variant for one in worths(parts, TASK.metric())] == ["a"]


def test_the_overview_says_who_is_trained_on_as_well(tmp_path: Path) -> None:
    gaps = {"a": [1.0, 1.1], "b": [0.2, 0.3]}
    named = []
    for name, more in (("patients", {}), ("rows", {"overlap": SHARED})):
        expected = write_part(tmp_path / name, gaps, np.arange(50), **more)
        named.append((name, tmp_path / name, expected))
    found = write_overview(tmp_path, "designs", named, TASK, TASK.metric())
    shares = [part.shared.share for part in found.parts if part.shared]
    assert shares == [0.0, 0.25] and found.resplits is None
    assert {one.variant for one in found.worths} == {None, "a", "b"}
    lines = (tmp_path / "comparison.csv").read_text().splitlines()
    assert len(lines) == 1 + 2 * 4 and lines[0].startswith("split,metric,kind,name")


def test_a_part_that_is_not_compared_yet_is_named(tmp_path: Path) -> None:
    expected = write_part(tmp_path / "one", {"a": [1.0]}, np.arange(20))
    (tmp_path / "one" / "conclusion.json").unlink()
    with pytest.raises(EvaluationError, match=r"conclusion.json: is not there, so split 'one'"):
        read_parts([("one", tmp_path / "one", expected)], TASK, TASK.metric())
    (tmp_path / "one" / "conclusion.json").write_text("{")
    with pytest.raises(EvaluationError, match=r"the results of split 'one' cannot be read"):
        read_parts([("one", tmp_path / "one", expected)], TASK, TASK.metric())


@pytest.mark.parametrize("seeds", [1, 2, 4])
def test_the_degrees_of_a_sum_are_those_of_a_pair_where_it_is_one(seeds: int) -> None:
    random = np.random.default_rng(seeds)
    made = [
        Figures(
            name,
            0.8 + 0.02 * random.normal(size=seeds),
            0.8 + 0.03 * random.normal(size=(seeds, 500)),
        )
        for name in "abc"
    ]
    errors = joint_errors(made, 100)
    contrast = np.array([1.0, 0.0, -1.0])
    sampling = float((contrast @ errors.sampling).std(ddof=1))
    assert designs._degrees(errors, contrast, sampling) == pytest.approx(errors.degrees[0, 2])


def test_a_mean_over_many_variants_whose_seeds_are_not_alike_has_degrees() -> None:
    random = np.random.default_rng(2)
    made = [
        Figures(
            str(at), 0.8 + spread * random.normal(size=5), 0.8 + 0.01 * random.normal(size=(5, 400))
        )
        for at, spread in enumerate([0.001, 0.2, 0.001, 0.2, 0.001, 0.2])
    ]
    errors = joint_errors(made, 100)
    assert not errors.seeds.pooled
    contrast = np.array([1.0, 1.0, 1.0, -1.0, -1.0, -1.0]) / 3
    sampling = float((contrast @ errors.sampling).std(ddof=1))
    assert 1 <= designs._degrees(errors, contrast, sampling) < 100

"""Variants on subgroups: figures, intervals over patients, and differences corrected as a family."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from bakeoff.config.schema import Subgroup
from bakeoff.data.subgroups import require_subgroups, subgroups_of
from bakeoff.errors import DataError
from bakeoff.evaluation import intervals
from bakeoff.evaluation.metrics import resampled
from bakeoff.evaluation.predictions import Predictions
from bakeoff.evaluation.seed_figures import PatientDraws, part_of, seed_figures
from bakeoff.evaluation.subgroups import FEWEST, figures_in, group_of
from bakeoff.task.binary import BinaryTask
from bakeoff.task.kinds import task_of

TASK = BinaryTask()
THRESHOLDS = {TASK.scored[0]: 0.5}


def drawn(seed=0, patients=60, gap=0.0, spoiled=0.0, of=1):
    """Predictions, `of` seeds; the scores of every other patient are chance in a share `spoiled`."""
    random = np.random.default_rng(seed)
    units = np.repeat(np.arange(patients), 3)
    labels = (random.random(len(units)) < 0.4 + 0.2 * random.random(patients)[units]).astype(int)
    names = np.array([f"{at:04d}.png" for at in range(len(units))])
    tests = []
    for _ in range(of):
        scores = 1 / (1 + np.exp(-(random.normal(size=len(units)) + (1.5 + gap) * (labels - 0.5))))
        chance = (units % 2 == 1) & (random.random(len(units)) < spoiled)
        scores = np.where(chance, random.random(len(units)), scores)
        tests.append((Predictions(Path(), TASK, names, units, labels, scores, True), THRESHOLDS))
    return tests


def halves(test):
    return [
        group_of("half", name, test.units % 2 == side, test) for side, name in ((0, "a"), (1, "b"))
    ]


def test_figures_are_those_of_the_images_in_the_group():
    tests = drawn(of=2)
    groups = halves(tests[0][0])
    for metric, score in (
        (TASK.metric("auroc"), roc_auc_score),
        (TASK.metric("log_loss"), log_loss),
    ):
        found = figures_in(groups, {"conv": tests}, metric).figures["conv"]
        for group, own in zip(groups, found, strict=True):
            mean = np.mean(
                [score(t.labels[group.members], t.scores[group.members]) for t, _ in tests]
            )
            assert own.value == pytest.approx(mean)
            assert own.low < own.value < own.high


@pytest.mark.parametrize("name", TASK.metric_names)
def test_draws_have_the_standard_error_of_resampled_patients(name):
    (one,) = drawn()
    figures = seed_figures("conv", [one], TASK.metric(name), PatientDraws(one[0].units))
    real = intervals.standard_error(resampled(*one, [name])[name])
    assert figures.drawn.std() == pytest.approx(real, rel=0.08)


def test_the_images_of_a_group_are_drawn_by_patient_even_where_it_has_one_of_each():
    (one,) = drawn()
    members = np.arange(180) % 3 == 0
    inside = (part_of(one[0], members), one[1])
    metric = TASK.metric("auroc")
    figures = seed_figures("conv", [one], metric, PatientDraws(one[0].units), members)
    real = intervals.standard_error(resampled(*inside, ["auroc"])["auroc"])
    assert figures.drawn.std() == pytest.approx(real, rel=0.1)


def test_a_real_difference_is_found_and_counted_with_all_others():
    tests = {"conv": drawn(1, spoiled=0.9, of=4), "vit": drawn(1, of=4)}
    metric = TASK.metric("auroc")
    found = figures_in(halves(tests["conv"][0][0]), tests, metric).differences
    by = {one.variant: one for one in found}
    assert by["conv"].difference > 0.2 and by["conv"].p_holm < 0.05 and by["conv"].low > 0
    assert by["vit"].p_holm > 0.05
    assert by["conv"].p_holm == pytest.approx(min(1, 2 * by["conv"].p))


@pytest.mark.slow(seconds=15)
def test_where_nothing_differs_a_difference_is_rarely_claimed():
    claims = 0
    for seed in range(150):
        tests = drawn(seed)
        test = tests[0][0]
        view = np.random.default_rng(seed).random(len(test.units)) < 0.5  # patients in both
        groups = halves(test) + [
            group_of("view", n, view == (n == "AP"), test) for n in ("AP", "PA")
        ]
        found = figures_in(groups, {"conv": tests}, TASK.metric("auroc")).differences
        claims += any(one.p_holm < 0.05 for one in found)
    assert claims <= 15  # 7.5 expected


def test_the_images_of_one_patient_in_two_groups_are_not_independent():
    """Every patient has the same image in both groups: the difference is zero, and known to be."""
    random = np.random.default_rng(0)
    labels, units = np.tile(random.integers(0, 2, 50), 2), np.tile(np.arange(50), 2)
    scores = np.tile(np.clip(random.normal(0.5, 0.2, 50) + 0.2 * labels[:50], 0, 1), 2)
    test = Predictions(Path(), TASK, np.arange(100).astype(str), units, labels, scores, True)
    side = np.arange(100) < 50
    metric, draws = TASK.metric("auroc"), PatientDraws(units)
    one, other = (seed_figures("c", [(test, THRESHOLDS)], metric, draws, s) for s in (side, ~side))
    assert (one.drawn - other.drawn).std() == pytest.approx(0, abs=1e-12)
    assert one.drawn.std() > 0.01


def test_a_group_of_few_patients_has_counts_and_no_figure():
    (one,) = drawn()
    few = one[0].units < FEWEST - 1
    groups = [group_of("site", "small", few, one[0]), group_of("site", "large", ~few, one[0])]
    found = figures_in(groups, {"conv": [one]}, TASK.metric("auroc"))
    assert groups[0].size.patients == FEWEST - 1 and groups[0].size.images == 3 * (FEWEST - 1)
    assert [own.too_few for own in found.figures["conv"]] == [True, False]
    assert found.differences == []


@pytest.mark.parametrize(("ill", "tested"), [(FEWEST - 1, False), (FEWEST, True)])
def test_a_difference_of_rankings_is_tested_where_ten_patients_are_on_each_side(ill, tested):
    random, units = np.random.default_rng(0), np.arange(120)
    labels = ((units < ill) | ((units >= 60) & (units < 90))).astype(int)
    names = units.astype(str)
    test = Predictions(Path(), TASK, names, units, labels, random.random(120), False)
    groups = [
        group_of("sex", name, own, test) for name, own in (("F", units < 60), ("M", units >= 60))
    ]
    found = figures_in(groups, {"conv": [(test, THRESHOLDS)]}, TASK.metric("auroc"))
    assert found.rarest == [ill, 30] and bool(found.differences) is tested
    assert not any(own.too_few for own in found.figures["conv"])
    found = figures_in(groups, {"conv": [(test, THRESHOLDS)]}, TASK.metric("accuracy"))
    assert found.rarest == [None, None] and len(found.differences) == 1


@pytest.mark.parametrize("kind", ["multiclass", "multilabel"])
def test_a_difference_of_means_over_classes_is_tested_where_each_has_ten_patients(kind):
    random, units = np.random.default_rng(0), np.arange(120)
    labels = random.integers(0, 2, (120, 3))
    labels[:60, 2] = np.arange(60) < FEWEST - 1
    if kind == "multiclass":
        task = task_of({"kind": kind, "classes": ["a", "b", "c"]})
        labels = np.where(labels[:, 2] == 1, 2, labels[:, 0])
    else:
        task = task_of({"kind": kind, "findings": ["a", "b", "c"]})
    names, scores = units.astype(str), random.dirichlet(np.ones(3), 120)
    test = Predictions(Path(), task, names, units, labels, scores, False)
    tests = {"conv": [(test, dict.fromkeys(task.scored, 0.5))]}
    groups = [
        group_of("sex", name, own, test) for name, own in (("F", units < 60), ("M", units >= 60))
    ]
    found = figures_in(groups, tests, task.metric("macro_auroc"))
    assert found.rarest[0] == FEWEST - 1 and found.differences == []
    assert len(figures_in(groups, tests, task.metric("log_loss")).differences) == 1


def test_a_group_without_one_class_has_no_figure_and_ends_nothing():
    (one,) = drawn()
    positive = one[0].labels == 1
    groups = [group_of("x", "ill", positive, one[0]), group_of("x", "all", positive | True, one[0])]
    found = figures_in(groups, {"conv": [one]}, TASK.metric("auroc"))
    assert [own.too_few for own in found.figures["conv"]] == [True, False]


def test_every_kind_of_task_has_figures_in_groups():
    random = np.random.default_rng(2)
    units = np.repeat(np.arange(50), 2)
    kinds = {
        "multiclass": (
            task_of({"kind": "multiclass", "classes": ["a", "b", "c"]}),
            random.integers(0, 3, 100),
            random.dirichlet(np.ones(3), 100),
        ),
        "multilabel": (
            task_of({"kind": "multilabel", "findings": ["a", "b"]}),
            random.integers(0, 2, (100, 2)),
            random.random((100, 2)),
        ),
    }
    for task, labels, scores in kinds.values():
        test = Predictions(Path(), task, np.arange(100).astype(str), units, labels, scores, True)
        thresholds = dict.fromkeys(task.scored, 0.5)
        for metric in task.metrics:
            found = figures_in(halves(test), {"conv": [(test, thresholds)]}, metric)
            assert all(own.low < own.value < own.high for own in found.figures["conv"])
            assert len(found.differences) == 1


# The columns.

TABLE = pd.DataFrame(
    {
        "Patient Age": ["012Y", "40", "059Y", "60", "411", ""],
        "Patient Gender": ["F", "M", "M", "F", "", "F"],
        "Site": ["1", "1", "1", "1", "1", "1"],
        "Number": ["1", "2", "3", "x", "5", "6"],
        "Name": list("abcdef"),
    }
)


def test_the_usual_columns_are_taken_as_far_as_the_table_has_them():
    found = {column.name: column for column in subgroups_of(TABLE, None)}
    assert list(found) == ["Patient Gender", "Patient Age"]
    assert found["Patient Gender"].names == ("F", "M")
    age = ["below 40", "40 to below 60", "40 to below 60", "60 and above", "", ""]
    assert found["Patient Age"].of.tolist() == age


def test_any_column_can_be_asked_for_and_numbers_have_bands():
    site, number = subgroups_of(
        TABLE, [Subgroup(column="Site"), Subgroup(column="Number", bands=(3,))]
    )
    assert site.names == ("1",)
    assert number.of.tolist() == ["below 3"] * 2 + ["3 and above", ""] + ["3 and above"] * 2


def test_a_column_that_the_table_lacks_is_an_error_that_names_what_there_is():
    with pytest.raises(DataError) as error:
        require_subgroups(TABLE, [Subgroup(column="Patient Sex")], Path("labels.csv"))
    for word in ("compare.subgroups", "'Patient Sex'", "Patient Gender", "labels.csv"):
        assert word in str(error.value)
    require_subgroups(TABLE, [Subgroup(column="Site")], Path("labels.csv"))
    require_subgroups(TABLE, None, Path("labels.csv"))

"""The sections of calibration, subgroups and hard cases, for every kind of task, from real predictions."""

import re
import shutil

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, brier_score_loss, roc_auc_score

from bakeoff.config.schema import Subgroup
from bakeoff.layout import Layout
from bakeoff.report.calibration import calibration
from bakeoff.report.calls import calls
from bakeoff.report.comparison_table import comparison_table
from bakeoff.report.confusion import confusions
from bakeoff.report.document import render
from bakeoff.report.each_class import each_class
from bakeoff.report.each_plot import draw_each
from bakeoff.report.evidence import read_evidence
from bakeoff.report.hard_cases import SHOWN, show_hard_cases
from bakeoff.report.metric_intervals import metric_intervals
from bakeoff.report.subgroups import subgroups
from tests.report.answers import change_scores
from tests.report.digits import EXPECTED as DIGITS
from tests.report.several import EXPECTED, SEEDS

KINDS = ("three", "findings", "log_loss")


@pytest.fixture(scope="session")
def read(made):
    found = {}

    def evidence(name):
        if name not in found:
            found[name] = read_evidence(made(name), EXPECTED)
        return found[name]

    return evidence


def section(page, name):
    (found,) = re.findall(rf'<section id="{name}">.*?</section>', page, re.DOTALL)
    return found


def predictions(results, variant):
    return [
        pd.read_csv(results / f"runs/{variant}/seed-{seed}/predictions/test.csv") for seed in SEEDS
    ]


def test_a_binary_brier_score_is_that_of_its_scores_and_its_parts_add_up(finished_bakeoff):
    found = calibration(read_evidence(finished_bakeoff, DIGITS))
    for variant in found.variants:
        frames = predictions(finished_bakeoff, variant.name)
        brier = np.mean([brier_score_loss(frame["Disease"], frame["score"]) for frame in frames])
        own = variant.figures
        assert own.brier == pytest.approx(brier)
        parts = own.reliability - own.resolution + own.uncertainty + own.within
        assert parts == pytest.approx(brier)
        assert all(
            point.low <= point.share <= point.high for point in variant.points if point.low > 0
        )
    assert not found.each and found.of == "odd" and not found.mean


@pytest.mark.slow(seconds=20)
def test_several_classes_are_calibrated_by_the_one_that_is_called(read):
    evidence = read("three")
    found = calibration(evidence)
    for variant in found.variants:
        runs = evidence.variants[variant.name]
        right = [accuracy_score(r.test.labels, r.test.scores.argmax(axis=1)) for r in runs]
        sure = [
            (r.test.scores / r.test.scores.sum(axis=1, keepdims=True)).max(axis=1) for r in runs
        ]
        beyond = np.mean([one.mean() - share for one, share in zip(sure, right, strict=True)])
        assert variant.figures.beyond == pytest.approx(beyond)
        assert list(variant.each) == list(evidence.task.classes)
        assert variant.each_error == pytest.approx(
            np.mean([e.error for e in variant.each.values()])
        )


@pytest.mark.slow(seconds=20)
def test_findings_are_calibrated_one_by_one_and_their_mean_is_shown(read):
    found = calibration(read("findings"))
    assert found.mean and "Torn" not in found.each and "Even" in found.each
    for variant in found.variants:
        errors = [one.error for one in variant.each.values()]
        assert variant.figures.error == pytest.approx(np.mean(errors))


def test_scores_that_are_too_sure_show_beyond_what_chance_gives(bakeoff):
    for seed in SEEDS:
        run = bakeoff / f"runs/broad/seed-{seed}"
        change_scores(run, lambda frame: np.where(frame["score"] > 0.4, 0.99, 0.01))
    found = calibration(read_evidence(bakeoff, DIGITS))
    by = {variant.name: variant.figures for variant in found.variants}
    assert by["broad"].error > 3 * by["broad"].by_chance


def test_a_bin_of_one_class_alone_has_wilsons_interval(bakeoff):
    for seed in SEEDS:
        change_scores(
            bakeoff / f"runs/broad/seed-{seed}",
            lambda frame: 0.8 * frame["Disease"] + 0.1 + frame.index / 1e4,
        )
    found = calibration(read_evidence(bakeoff, DIGITS))
    points = next(one.points for one in found.variants if one.name == "broad")
    assert {point.share for point in points} >= {0.0, 1.0}
    for point in points:
        assert point.low <= point.share <= point.high and 0.05 < point.high - point.low < 0.9


@pytest.mark.slow(seconds=30)
@pytest.mark.parametrize("name", KINDS)
def test_every_kind_has_its_sections_and_subgroups_by_view(read, name):
    evidence = read(name)
    page = render(evidence)
    for anchor in ("calibration", "subgroups", "hard_cases"):
        assert f'href="#{anchor}"' in page
        assert "nan" not in re.sub(r'src="data:[^"]*"', "", section(page, anchor)).lower()
    found = subgroups(evidence)
    assert [(group.column, group.value) for group in found.groups] == [
        ("View Position", "AP"),
        ("View Position", "PA"),
    ]
    assert list(found.figures) == list(evidence.variants)
    images = len(evidence.runs[0].test.images)
    assert sum(group.images for group in found.groups) == images
    rare = name == "findings"  # one of them in an image or two of a subgroup
    assert len(found.differences) == (0 if rare else 2) and any(found.few) is rare


def test_a_subgroups_figure_is_that_of_its_images(finished_bakeoff):
    evidence = read_evidence(finished_bakeoff, DIGITS)
    found = subgroups(evidence)
    rows = pd.read_csv(Layout(finished_bakeoff).split("test")).set_index("Image Index")
    for at, group in enumerate(found.groups):
        aurocs = []
        for frame in predictions(finished_bakeoff, "broad"):
            own = frame[(rows["View Position"].loc[frame["Image Index"]] == group.value).to_numpy()]
            aurocs.append(roc_auc_score(own["Disease"], own["score"]))
        assert len(own) == group.images and own["Disease"].sum() == group.positives
        assert own["Patient ID"].nunique() == group.patients
        assert found.figures["broad"][at].value == pytest.approx(np.mean(aurocs))


def test_a_subgroup_of_few_of_a_class_says_so_with_the_counts_and_is_not_tested(made):
    evidence = read_evidence(made("findings"), EXPECTED)
    found = subgroups(evidence)
    assert found.few and all(words.startswith("too few: ") for words in found.few)
    assert found.differences == []
    html = section(render(evidence), "subgroups")
    assert f"Not tested, for too few {evidence.unit}s of a class: {found.untested[0]}" in html


def test_images_without_a_value_are_counted(bakeoff):
    assert subgroups(read_evidence(bakeoff, DIGITS)).without == {}
    path = Layout(bakeoff).split("test")
    rows = pd.read_csv(path, dtype=str)
    rows.loc[:2, "View Position"] = None
    rows.to_csv(path, index=False)
    evidence = read_evidence(bakeoff, DIGITS)
    assert subgroups(evidence).without == {"View Position": 3}
    html = section(render(evidence), "subgroups").replace("<wbr>", "")
    assert "In no subgroup for want of a value: 3 test images (View Position)." in html


def test_subgroups_are_those_that_the_config_names(finished_bakeoff):
    evidence = read_evidence(finished_bakeoff, DIGITS)
    by = (Subgroup(column="Patient ID", bands=(50,)), Subgroup(column="Image Index"))
    found = subgroups(evidence, by)
    assert [group.value for group in found.groups] == ["below 50", "50 and above"]
    assert found.left_out == ["Image Index (it has 75 values, more than 10)"]
    assert "compare.subgroups: []" in subgroups(evidence, ()).absent
    absent = subgroups(evidence, (Subgroup(column="Site"),)).absent
    assert absent == "Site (the test split has no such column)"


def test_hard_cases_are_shown_with_what_each_variant_says(bakeoff):
    evidence = read_evidence(bakeoff, DIGITS)
    test = evidence.variants["broad"][0].test
    odd = str(test.images[test.labels == 1][0])
    for variant in ("broad", "narrow"):
        for seed in SEEDS:
            change_scores(
                bakeoff / f"runs/{variant}/seed-{seed}",
                lambda frame: np.where(frame["Image Index"] == odd, 0.001, frame["score"]),
            )
    evidence = read_evidence(bakeoff, DIGITS)
    found = show_hard_cases(evidence)
    case = found.cases[0]
    assert (case.image, case.label, case.of) == (odd, "odd", "odd")
    assert [(one.variant, one.called) for one in case.sayings] == [
        (name, "even") for name, _ in evidence.finished()
    ]
    assert all(one.score == pytest.approx(0.001) for one in case.sayings)
    assert case.picture is not None and len(found.cases) == min(found.count, SHOWN)
    html = section(render(evidence), "hard_cases")
    assert f"Test image {odd}: odd" in html and "independently" in html
    shutil.rmtree(bakeoff / "packed")
    assert "cannot be read" in section(render(read_evidence(bakeoff, DIGITS)), "hard_cases")


def test_where_some_variant_is_always_right_there_are_no_hard_cases(bakeoff):
    for seed in SEEDS:
        change_scores(
            bakeoff / f"runs/broad/seed-{seed}", lambda frame: frame["Disease"] * 0.8 + 0.1
        )
    page = render(read_evidence(bakeoff, DIGITS))
    assert "None: no test image" in section(page, "hard_cases")


def test_without_predictions_or_a_table_the_sections_say_so(bakeoff):
    Layout(bakeoff).split("test").unlink()
    page = render(read_evidence(bakeoff, DIGITS))
    assert "cannot be used" in section(page, "subgroups")
    for file in bakeoff.glob("runs/*/*/predictions/test.csv"):
        file.unlink()
    page = render(read_evidence(bakeoff, DIGITS))
    assert "No run has predictions" in section(page, "calibration")
    assert "no run has predictions" in section(page, "subgroups")
    assert "no run has predictions" in section(page, "hard_cases")


def test_every_metric_has_an_interval_like_that_of_the_primary_one(finished_bakeoff):
    """The draws to first order give what resampling gives: the primary metric's interval in the table."""
    evidence = read_evidence(finished_bakeoff, DIGITS)
    metrics = list(evidence.task.metrics)
    found = metric_intervals(evidence, metrics)
    table = evidence.comparison.set_index("variant")
    for name, _ in evidence.finished():
        low, high = found[name, "auroc"]
        row = table.loc[name]
        width = row["test_auroc_high"] - row["test_auroc_low"]
        assert high - low == pytest.approx(width, rel=0.3)
        for metric in metrics:
            low, high = found[name, metric.name]
            assert low <= row[f"test_{metric.name}_mean"] <= high, metric
    html = section(render(evidence), "comparison")
    low, high = found["broad", "sensitivity"]
    assert f"<small>{low:.3f} to {high:.3f}</small>" in html


def test_a_test_split_of_few_of_a_class_has_counts_in_place_of_intervals(bakeoff):
    for path in bakeoff.glob("*/**/predictions/test.csv"):
        frame = pd.read_csv(path)
        frame["Disease"] = (frame["Disease"].eq(1) & frame["Disease"].eq(1).cumsum().le(3)).astype(
            int
        )
        frame.to_csv(path, index=False)
    evidence = read_evidence(bakeoff, DIGITS)
    found = comparison_table(evidence)
    ill, everyone = (one["Patient ID"].nunique() for one in (frame[frame["Disease"] == 1], frame))
    words = f"too few: {ill} of {everyone}"
    for row in found.rows:
        assert row["interval"] == (words if row["finished"] else "")
    told = {
        other.name: [row["shares"][at][1] for row in found.rows]
        for at, other in enumerate(found.others)
    }
    assert {name for name, cells in told.items() if words in cells} == {
        "pr_auc",
        "balanced_accuracy",
    }


def test_each_run_has_its_threshold_and_what_it_gives_on_test(finished_bakeoff):
    evidence = read_evidence(finished_bakeoff, DIGITS)
    found = calls(evidence)
    assert found.one_table and [len(rows) for rows in found.variants.values()] == [2, 2]
    for row in found.rows:
        run = evidence.variants[row.variant][row.seed]
        assert row.threshold == run.metrics["threshold"]["value"]
        for name in ("sensitivity", "specificity"):
            share = getattr(row, name)
            assert share.value == pytest.approx(run.metrics["test"][name])
            assert share.low <= share.value <= share.high and share.low < share.high
        assert row.found + row.missed == row.sensitivity.of
        assert row.false_alarms + row.spared == row.specificity.of
    html = section(render(evidence), "calls")
    counted = confusions(evidence)[0]
    best = found.variants[counted.variant]
    assert counted.counts == [
        [sum(row.spared for row in best), sum(row.false_alarms for row in best)],
        [sum(row.missed for row in best), sum(row.found for row in best)],
    ]
    assert counted.names == ("even", "odd") and "Is ↓ called →" in html


@pytest.mark.slow(seconds=20)
def test_each_finding_has_its_threshold_and_a_rare_one_the_words_too_few(read):
    evidence = read("findings")
    found = calls(evidence)
    assert not found.one_table and list(found.variants) == list(evidence.variants)
    (torn,) = {row.sensitivity.of for row in found.rows if row.name == "Torn"}
    assert torn == 0
    assert "too few<small>no image" in section(render(evidence), "calls")
    assert calls(read("three")) is None and len(confusions(read("three"))) == 2


@pytest.mark.slow(seconds=20)
def test_a_finding_of_few_images_has_no_interval_but_the_counts_whatever_metrics_json_says(made):
    evidence = read_evidence(made("findings"), EXPECTED)
    run = each_class(evidence).run
    views = evidence.task.one_vs_rest(run.test.labels, run.test.scores)
    (few,) = [int(view.labels.sum()) for view in views if view.name == "Scratched"]
    own = run.metrics["test"]["classes"]["Scratched"]
    assert few < 5 and own["intervals"] == {"auroc": None, "average_precision": None}
    own["intervals"] = {"auroc": [0.6, 0.7], "average_precision": [0.1, 0.2]}  # as earlier versions
    (row,) = [row for row in each_class(evidence).rows if row.name == "Scratched"]
    words = f"too few: {few} of {run.test.unit_count}"
    assert row.figures[:2] == [
        (f"{own[name]:.3f}", words) for name in ("auroc", "average_precision")
    ]
    drawn = "".join(text.get_text() for text in draw_each(evidence).axes[0].texts)
    assert f"{own['auroc']:.3f}, {words}" in drawn


@pytest.mark.slow(seconds=20)
@pytest.mark.parametrize("name", ["three", "findings"])
def test_every_figure_of_a_class_or_finding_has_an_interval_or_says_too_few(read, name):
    found = each_class(read(name))
    for row in found.rows:
        for value, interval in row.figures:
            assert "too few" in (value, interval[:7]) or " to " in interval, row
            if " to " in interval:
                low, high = map(float, interval.split(" to "))
                assert low <= float(value) <= high

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from bakeoff.errors import EvaluationError
from bakeoff.evaluation.comparison import compare, write_comparison
from bakeoff.evaluation.metrics import evaluate_predictions
from bakeoff.task.binary import BinaryTask
from bakeoff.task.thresholds import choose_threshold
from tests.evaluation.tables import write_run

PATIENTS = np.arange(240) // 2


def signals(n=240):
    """The same images for everybody: labels, and the part of the score that all models share."""
    generator = np.random.default_rng(11)
    labels = generator.integers(0, 2, n)
    return labels, labels + generator.normal(0, 1, n)


def add_run(results, variant, seed, strength, parameters=None):
    """A model that sees `strength` of the signal and its own noise, different for every seed."""
    labels, seen = signals()
    generator = np.random.default_rng([seed, len(variant), int(strength * 100)])
    scores = 1 / (1 + np.exp(-(strength * seen + generator.normal(0, 0.4, len(labels)))))
    run = results / "runs" / variant / f"seed-{seed}"
    if variant in ("metadata", "majority"):
        run = results / "baselines" / variant
    write_run(run, (labels.tolist(), scores.tolist()), (labels.tolist(), scores.tolist()), PATIENTS)
    evaluate_predictions(run)
    record = {} if parameters is None else {"parameters": {"total": parameters}}
    (run / "run.json").write_text(json.dumps(record))
    return run


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory):
    results = tmp_path_factory.mktemp("evaluated")
    for seed in (0, 1, 2):
        add_run(results, "strong", seed, 2.0, parameters=100)
        add_run(results, "twin", seed, 2.1, parameters=200)
        add_run(results, "weak", seed, 0.4)
    add_run(results, "metadata", 0, 0.4)
    return results


@pytest.fixture
def results(evaluated, tmp_path):
    return shutil.copytree(evaluated, tmp_path / "results")


EXPECTED = [("weak", (0, 1, 2)), ("strong", (0, 1, 2)), ("twin", (0, 1, 2))]


def by_name(frame):
    return frame.set_index("variant")


@pytest.mark.slow(seconds=3)
def test_means_and_deviations_are_those_of_the_runs(results):
    row = by_name(compare(results, EXPECTED).table).loc["weak"]
    runs = [results / "runs" / "weak" / f"seed-{seed}" / "metrics.json" for seed in (0, 1, 2)]
    metrics = [json.loads(path.read_text()) for path in runs]
    for name in ("auroc", "accuracy", "balanced_accuracy", "sensitivity", "pr_auc", "brier"):
        values = [each["test"][name] for each in metrics]
        assert row[f"test_{name}_mean"] == pytest.approx(np.mean(values))
        assert row[f"test_{name}_sd"] == pytest.approx(np.std(values, ddof=1))
    assert row["val_auroc_mean"] == pytest.approx(np.mean([m["val"]["auroc"] for m in metrics]))
    assert row["test_auroc_low"] < row["test_auroc_mean"] < row["test_auroc_high"]


def test_variants_come_best_first_and_baselines_after_them(results):
    frame = compare(results, EXPECTED).table
    assert list(frame["kind"]) == ["variant"] * 3 + ["baseline"] * 2
    assert list(frame["variant"])[2:] == ["weak", "metadata", "majority"]
    assert frame["test_auroc_mean"][0] >= frame["test_auroc_mean"][1]
    assert by_name(frame)["parameters"].astype(object).loc["strong"] == 100
    assert pd.isna(by_name(frame)["parameters"].loc["weak"])


def test_a_real_gap_is_detected_and_an_absent_one_is_not(results):
    rows = by_name(compare(results, EXPECTED).table)
    first, second = rows.index[:2]
    assert np.isnan(rows.loc[first, "difference_to_best"])
    assert (
        rows.loc[second, "difference_to_best_low"] < 0 < rows.loc[second, "difference_to_best_high"]
    )
    assert rows.loc["weak", "difference_to_best_high"] < 0
    assert rows.loc[first, "difference_to_baseline_low"] > 0
    assert rows.loc["weak", "difference_to_baseline"] == pytest.approx(
        rows.loc["weak", "test_auroc_mean"] - rows.loc["metadata", "test_auroc_mean"]
    )


def test_the_paired_interval_is_narrower_than_the_two_intervals_suggest(results):
    rows = by_name(compare(results, EXPECTED).table)
    second = rows.iloc[1]
    paired = second["difference_to_best_high"] - second["difference_to_best_low"]
    alone = rows["test_auroc_high"] - rows["test_auroc_low"]
    assert paired < 0.5 * np.hypot(alone.iloc[0], alone.iloc[1])


def test_the_conclusion_agrees_with_the_table(results):
    found = compare(results, EXPECTED)
    rows, conclusion = by_name(found.table), found.conclusion
    first, second = rows.index[:2]
    assert conclusion.best == [first, second]
    assert conclusion.worse == ["weak"]
    assert list(rows["may_be_best"][:3]) == [1, 1, 0]
    assert list(rows["letters"][:3]) == ["a", "a", "b"]
    assert tuple(rows.loc["weak", ["place_low", "place_high"]]) == (3, 3)
    pair = next(one for one in conclusion.pairs if one.second == "weak" and one.first == first)
    ends = rows.loc[
        "weak", ["difference_to_best", "difference_to_best_high", "difference_to_best_low"]
    ]
    assert [pair.difference, pair.low, pair.high] == pytest.approx([-end for end in ends])
    assert pair.answer == "better" and pair.p <= 0.05 and pair.p_holm <= 0.05
    told = {one.first: one for one in conclusion.baseline}
    assert told[first].answer == "better" and told[first].difference > 0
    assert 0 <= conclusion.seeds.share < 1 and conclusion.seeds.pooled
    assert conclusion.resolution.difference > 0


def test_a_metric_that_is_lower_for_the_better_is_turned_round(results):
    found = compare(results, EXPECTED, metric=BinaryTask().metric("brier"))
    means = found.table["test_brier_mean"][:3]
    assert list(means) == sorted(means)
    for pair in found.conclusion.pairs:
        rows = by_name(found.table)["test_brier_mean"]
        assert pair.difference == pytest.approx(rows[pair.second] - rows[pair.first])


def test_the_seeds_together_are_a_model_whose_figure_is_scikit_learns(results):
    row = by_name(compare(results, EXPECTED).table).loc["strong"]
    paths = [results / "runs/strong" / f"seed-{s}" / "predictions/test.csv" for s in (0, 1, 2)]
    tables = [pd.read_csv(path) for path in paths]
    mean = np.mean([table["score"] for table in tables], axis=0)
    assert row["test_auroc_ensemble"] == pytest.approx(roc_auc_score(tables[0]["Disease"], mean))
    assert (
        row["test_auroc_ensemble_low"]
        < row["test_auroc_ensemble"]
        < row["test_auroc_ensemble_high"]
    )
    accuracy = compare(results, EXPECTED, metric=BinaryTask().metric("accuracy"))
    vals = [pd.read_csv(path.with_name("val.csv")) for path in paths]
    chosen = choose_threshold(
        vals[0]["Disease"].to_numpy(), np.mean([val["score"] for val in vals], axis=0)
    )
    right = np.mean((mean >= chosen) == tables[0]["Disease"])
    assert by_name(accuracy.table).loc["strong", "test_accuracy_ensemble"] == pytest.approx(right)


@pytest.mark.slow(seconds=8)
def test_the_interval_is_what_a_plain_bootstrap_of_patients_and_seeds_gives(results):
    row = by_name(compare(results, EXPECTED).table).loc["strong"]
    runs = [
        pd.read_csv(results / "runs" / "strong" / f"seed-{s}" / "predictions" / "test.csv")
        for s in (0, 1, 2)
    ]
    generator = np.random.default_rng(5)
    members = [np.flatnonzero(patient == PATIENTS) for patient in range(120)]
    means = []
    for _ in range(400):
        rows = np.concatenate([members[patient] for patient in generator.integers(0, 120, 120)])
        picked = [run.iloc[rows] for run in runs]
        means.append(np.mean([roc_auc_score(run["Disease"], run["score"]) for run in picked]))
    spread = np.hypot(np.std(means), row["test_auroc_sd"] / np.sqrt(3))
    half = (row["test_auroc_high"] - row["test_auroc_low"]) / 2
    assert half == pytest.approx(2.0 * spread, rel=0.15)


def test_more_spread_between_seeds_widens_the_interval(results):
    before = by_name(compare(results, EXPECTED).table).loc["strong"]
    add_run(results, "strong", 2, 0.25)
    after = by_name(compare(results, EXPECTED).table).loc["strong"]
    for figure in ("test_auroc", "difference_to_baseline"):
        widths = [row[f"{figure}_high"] - row[f"{figure}_low"] for row in (before, after)]
        assert widths[1] > 1.2 * widths[0], figure


def test_missing_seeds_and_variants_are_listed_not_left_out(results):
    (results / "runs" / "twin" / "seed-1" / "metrics.json").unlink()
    (results / "runs" / "twin" / "seed-2" / "predictions" / "test.csv").unlink()
    rows = by_name(compare(results, [*EXPECTED, ("ghost", (0, 7))]).table)
    assert tuple(rows.loc["twin", ["seeds_finished", "seeds_expected", "missing"]]) == (
        1,
        3,
        "1, 2",
    )
    assert np.isnan(rows.loc["twin", "test_auroc_sd"])
    assert rows.loc["twin", "test_auroc_low"] < rows.loc["twin", "test_auroc_high"]
    assert tuple(rows.loc["ghost", ["seeds_finished", "seeds_expected", "missing"]]) == (
        0,
        2,
        "0, 7",
    )
    assert np.isnan(rows.loc["ghost", "test_auroc_mean"])
    assert rows.loc["strong", "missing"] == ""
    assert rows.loc["majority", "missing"] == "not computed"


def test_the_metrics_of_a_run_that_is_training_anew_do_not_count(results):
    (results / "runs" / "twin" / "seed-1" / "run.json").unlink()
    assert by_name(compare(results, EXPECTED).table).loc["twin", "missing"] == "1"


def test_the_reason_of_a_missing_baseline_is_passed_on(results):
    folder = results / "baselines" / "metadata"
    (folder / "predictions" / "test.csv").unlink()
    (folder / "metrics.json").write_text('{"missing": "no age"}')
    rows = by_name(compare(results, EXPECTED).table)
    assert rows.loc["metadata", "missing"] == "no age"
    assert rows["difference_to_baseline"].isna().all()


@pytest.mark.slow(seconds=3)
def test_the_baseline_that_gaps_are_to_is_named(results):
    assert set(compare(results, EXPECTED).table["baseline"]) == {"metadata"}
    add_run(results, "majority", 0, 0.0)
    assert set(compare(results, EXPECTED).table["baseline"]) == {"metadata"}
    shutil.rmtree(results / "baselines" / "metadata")
    frame = compare(results, EXPECTED).table
    assert set(frame["baseline"]) == {"majority"}
    rows = by_name(frame)
    assert rows.loc["weak", "difference_to_baseline"] == pytest.approx(
        rows.loc["weak", "test_auroc_mean"] - rows.loc["majority", "test_auroc_mean"]
    )
    shutil.rmtree(results / "baselines" / "majority")
    assert set(compare(results, EXPECTED).table["baseline"]) == {""}


def test_nothing_finished_is_a_table_of_what_is_missing(tmp_path):
    frame = compare(tmp_path, EXPECTED).table
    assert list(frame["variant"]) == ["weak", "strong", "twin", "majority", "metadata"]
    assert frame["test_auroc_mean"].isna().all()
    assert (frame["seeds_finished"] == 0).all()


def test_runs_about_other_test_images_are_refused(results):
    path = results / "runs" / "twin" / "seed-1" / "predictions" / "test.csv"
    path.write_text(path.read_text().replace("test-00007.png", "another.png"))
    with pytest.raises(EvaluationError, match=r"twin/seed-1.*\(2 images.*another\.png\)"):
        compare(results, EXPECTED)


def test_runs_with_other_labels_for_the_same_images_are_refused(results):
    path = results / "runs" / "twin" / "seed-1" / "predictions" / "test.csv"
    frame = pd.read_csv(path)
    first, second = frame.index[frame["Disease"] == 1][0], frame.index[frame["Disease"] == 0][0]
    frame.loc[[first, second], "Disease"] = [0, 1]
    frame.to_csv(path, index=False)
    with pytest.raises(EvaluationError, match=r"twin/seed-1.*other labels or patients"):
        compare(results, EXPECTED)


def test_metrics_that_are_about_other_predictions_are_refused(results):
    path = results / "runs" / "twin" / "seed-1" / "metrics.json"
    metrics = json.loads(path.read_text())
    metrics["test"]["n"] = 100
    path.write_text(json.dumps(metrics))
    with pytest.raises(EvaluationError, match=r"twin/seed-1/metrics\.json: about 100 test images"):
        compare(results, EXPECTED)


def test_a_metric_that_came_after_a_run_was_evaluated_is_unknown_for_its_variant(results):
    path = results / "runs" / "twin" / "seed-1" / "metrics.json"
    metrics = json.loads(path.read_text())
    del metrics["test"]["pr_auc"]
    path.write_text(json.dumps(metrics))
    rows = by_name(compare(results, EXPECTED).table)
    assert np.isnan(rows.loc["twin", "test_pr_auc_mean"])
    assert (
        rows.loc["twin", "test_auroc_mean"] > 0.5 and rows.loc["strong", "test_pr_auc_mean"] > 0.5
    )


@pytest.mark.parametrize("text", ["{", "[]", "{}"])
def test_damaged_metrics_are_named(results, text):
    path = results / "runs" / "strong" / "seed-0" / "metrics.json"
    path.write_text(text)
    with pytest.raises(EvaluationError, match=r"strong/seed-0/metrics\.json.*again"):
        compare(results, EXPECTED)


def test_the_file_is_the_table_and_the_same_runs_give_the_same_bytes(results):
    frame = write_comparison(results, EXPECTED).table
    made = [results / "comparison.csv", results / "conclusion.json"]
    first = [path.read_bytes() for path in made]
    again = pd.read_csv(results / "comparison.csv")
    assert list(again["variant"]) == list(frame["variant"])
    assert again["test_auroc_mean"].to_numpy() == pytest.approx(
        frame["test_auroc_mean"], nan_ok=True
    )
    write_comparison(results, EXPECTED)
    assert [path.read_bytes() for path in made] == first


def test_a_table_without_all_runs_is_older_than_what_it_is_made_of(results):
    """So that Snakemake, which goes by times, makes it again; a whole one is newer."""
    made_of = [*results.glob("runs/*/*/metrics.json"), *results.glob("baselines/*/metrics.json")]
    oldest = min(source.stat().st_mtime for source in made_of)
    made = [results / "comparison.csv", results / "conclusion.json"]
    write_comparison(results, [*EXPECTED, ("absent", (0,))])
    assert all(path.stat().st_mtime < oldest for path in made)
    write_comparison(results, EXPECTED)
    latest = max(source.stat().st_mtime for source in made_of)
    assert all(path.stat().st_mtime >= latest for path in made)


def test_with_too_few_of_a_class_no_variant_is_told_from_another(tmp_path):
    labels = np.zeros(240, dtype=int)
    labels[:6] = 1  # of three patients
    generator = np.random.default_rng(3)
    for name, gap in (("far", 5.0), ("near", 0.0)):
        scores = 1 / (1 + np.exp(-gap * labels - generator.normal(size=240)))
        run = tmp_path / "runs" / name / "seed-0"
        write_run(
            run, (labels.tolist(), scores.tolist()), (labels.tolist(), scores.tolist()), PATIENTS
        )
        evaluate_predictions(run)
        (run / "run.json").write_text("{}")
    found = compare(tmp_path, [("far", (0,)), ("near", (0,))])
    assert found.conclusion is not None and len(found.conclusion.best) == 2
    (pair,) = found.conclusion.pairs
    assert pair.difference > 0.2 and pair.answer == "cannot be told" and pair.low is None

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from bakeoff.errors import EvaluationError
from bakeoff.evaluation import intervals
from bakeoff.evaluation.comparison import ScoredCompetitor, compare, write_comparison
from bakeoff.evaluation.metrics import evaluate_predictions
from bakeoff.task import resampled_metrics as resampled
from bakeoff.task.binary import BinaryTask
from tests.evaluation.tables import write_run

AUROC = BinaryTask().metric()

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
        add_run(results, "weak", seed, 0.25)
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


def test_the_detectable_gap_includes_the_seeds(results):
    rows = by_name(compare(results, EXPECTED).table)
    for name in (rows.index[1], "weak"):
        row = rows.loc[name]
        half = (row["difference_to_best_high"] - row["difference_to_best_low"]) / 2
        assert row["detectable_difference"] == pytest.approx(half)
        assert 0 < row["detectable_with_many_seeds"] < half
        assert 0 < row["seed_variance_share"] < 1
    alone = ScoredCompetitor(None, AUROC, np.array([0.7]), np.linspace(0.69, 0.71, 50), 120)
    apart = ScoredCompetitor(None, AUROC, np.array([0.60, 0.80]), np.linspace(0.69, 0.711, 50), 120)
    close = ScoredCompetitor(None, AUROC, np.array([0.72, 0.73]), np.linspace(0.72, 0.74, 50), 120)
    gap = apart.ahead_of(close)
    assert gap["seed_share"] > 0.95 and gap["with_many_seeds"] < gap["detectable"] / 10
    sampling = np.std(apart.drawn - close.drawn, ddof=1) ** 2
    seeds = sum(np.var(each.values, ddof=1) / 2 for each in (apart, close))
    assert gap["seed_share"] == pytest.approx(seeds / (seeds + sampling))
    assert np.isnan(alone.ahead_of(apart)["seed_share"])  # one seed says nothing of another


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


def simulate(generator, seeds, spread, patients=110):
    """The true mean AUROC of reruns of a model, and its standing in one draw of seeds and patients."""
    units = np.repeat(np.arange(patients), generator.geometric(0.6, patients))
    labels = (generator.random(patients) < 0.5)[units].astype(np.int64)
    shared = 0.8 * generator.normal(size=patients)[units]
    weights = np.concatenate(list(intervals.resample_weights(units, resamples=300)))
    auroc, drawn = [], []
    for strength in 1.2 + spread * generator.normal(size=seeds):
        scores = strength * labels + shared + 0.6 * generator.normal(size=len(units))
        auroc.append(roc_auc_score(labels, scores))
        drawn.append(resampled.auroc(labels, scores, weights))
    return ScoredCompetitor(None, AUROC, np.array(auroc), np.mean(drawn, axis=0), patients)


@pytest.mark.slow(seconds=6)
def test_intervals_of_a_mean_over_seeds_cover_what_more_seeds_and_patients_would_show():
    generator = np.random.default_rng(4)
    strengths = 1.2 + 0.3 * generator.normal(size=100_000)
    truth = norm.cdf(strengths / np.sqrt(2)).mean()
    standings = [simulate(generator, seeds=3, spread=0.3) for _ in range(200)]
    found = [standing.interval() for standing in standings]
    assert 0.90 <= np.mean([low <= truth <= high for low, high in found]) <= 0.99
    # Looking at the test set alone, as if the seeds run were all there are, covers too rarely.
    alone = [
        intervals.share_interval(s.mean, intervals.standard_error(s.drawn), s.units - 1)
        for s in standings
    ]
    assert np.mean([low <= truth <= high for low, high in alone]) < 0.88


def test_more_spread_between_seeds_widens_the_interval(results):
    before = by_name(compare(results, EXPECTED).table).loc["strong"]
    add_run(results, "strong", 2, 0.25)
    after = by_name(compare(results, EXPECTED).table).loc["strong"]
    for figure in ("test_auroc", "difference_to_baseline"):
        widths = [row[f"{figure}_high"] - row[f"{figure}_low"] for row in (before, after)]
        assert widths[1] > 1.5 * widths[0], figure


def test_missing_seeds_and_variants_are_listed_not_left_out(results):
    (results / "runs" / "twin" / "seed-1" / "metrics.json").unlink()
    (results / "runs" / "twin" / "seed-2" / "predictions" / "test.csv").unlink()
    rows = by_name(compare(results, [*EXPECTED, ("ghost", (0, 7))])).table
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
        compare(results, EXPECTED).table


def test_runs_with_other_labels_for_the_same_images_are_refused(results):
    path = results / "runs" / "twin" / "seed-1" / "predictions" / "test.csv"
    frame = pd.read_csv(path)
    first, second = frame.index[frame["Disease"] == 1][0], frame.index[frame["Disease"] == 0][0]
    frame.loc[[first, second], "Disease"] = [0, 1]
    frame.to_csv(path, index=False)
    with pytest.raises(EvaluationError, match=r"twin/seed-1.*other labels or patients"):
        compare(results, EXPECTED).table


def test_metrics_that_are_about_other_predictions_are_refused(results):
    path = results / "runs" / "twin" / "seed-1" / "metrics.json"
    metrics = json.loads(path.read_text())
    metrics["test"]["n"] = 100
    path.write_text(json.dumps(metrics))
    with pytest.raises(EvaluationError, match=r"twin/seed-1/metrics\.json: about 100 test images"):
        compare(results, EXPECTED).table


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
        compare(results, EXPECTED).table


def test_the_file_is_the_table_and_the_same_runs_give_the_same_bytes(results):
    frame = write_comparison(results, EXPECTED)
    first = (results / "comparison.csv").read_bytes()
    again = pd.read_csv(results / "comparison.csv")
    assert list(again["variant"]) == list(frame["variant"])
    assert again["test_auroc_mean"].to_numpy() == pytest.approx(
        frame["test_auroc_mean"], nan_ok=True
    )
    write_comparison(results, EXPECTED)
    assert (results / "comparison.csv").read_bytes() == first


def test_a_table_without_all_runs_is_older_than_what_it_is_made_of(results):
    """So that Snakemake, which goes by times, makes it again; a whole one is newer."""
    made_of = [*results.glob("runs/*/*/metrics.json"), *results.glob("baselines/*/metrics.json")]
    oldest = min(source.stat().st_mtime for source in made_of)
    table = results / "comparison.csv"
    write_comparison(results, [*EXPECTED, ("absent", (0,))])
    assert table.stat().st_mtime < oldest
    write_comparison(results, EXPECTED)
    assert table.stat().st_mtime >= max(source.stat().st_mtime for source in made_of)

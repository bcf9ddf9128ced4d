import shutil

import pandas as pd
import pytest

from bakeoff.evaluation.comparison import write_comparison
from bakeoff.evaluation.metrics import evaluate_predictions
from bakeoff.report.evidence import read_evidence
from bakeoff.report.verdict import judge
from tests.report.answers import BOTH, blur, change_scores, evidence_of, turn
from tests.report.digits import EXPECTED


def verdict_on(results, expected):
    verdict = judge(evidence_of(results, expected))
    return verdict.headline, " ".join(verdict.sentences)


def test_a_lead_that_chance_explains_is_called_that(bakeoff):
    headline, words = verdict_on(bakeoff, BOTH)
    assert headline == "broad leads, but the variants cannot be told apart"
    row = pd.read_csv(bakeoff / "comparison.csv").set_index("variant").loc["narrow"]
    assert f"{-row['difference_to_best']:.3f} ahead of narrow" in words


def test_the_detectable_gap_is_half_the_paired_interval_with_the_seeds_in_it(bakeoff):
    _, words = verdict_on(bakeoff, BOTH)
    row = pd.read_csv(bakeoff / "comparison.csv").set_index("variant").loc["narrow"]
    half = (row["difference_to_best_high"] - row["difference_to_best_low"]) / 2
    assert f"a gap under about {half:.3f} cannot be told from none" in words
    assert half > row["detectable_with_many_seeds"]


@pytest.mark.parametrize("seeds_apart", [True, False])
def test_more_seeds_are_advised_where_the_seeds_are_most_of_the_uncertainty(bakeoff, seeds_apart):
    same = "seed-0/predictions/{}.csv"
    for variant in ("broad", "narrow"):
        for split in ("val", "test"):  # both seeds give the same answers
            content = (bakeoff / "runs" / variant / same.format(split)).read_bytes()
            (bakeoff / "runs" / variant / f"seed-1/predictions/{split}.csv").write_bytes(content)
        run = bakeoff / "runs" / variant / "seed-1"
        if seeds_apart:
            change_scores(run, blur(0.7))
        evaluate_predictions(run)
    _, words = verdict_on(bakeoff, BOTH)
    row = pd.read_csv(bakeoff / "comparison.csv").set_index("variant").loc["narrow"]
    share = row["seed_variance_share"]
    assert (share > 0.5) == seeds_apart
    assert f"{100 * share:.0f} % of that uncertainty" in words
    assert ("more seeds for each variant would narrow it, down to about" in words) == seeds_apart
    assert ("more test images would narrow it" in words) != seeds_apart


def test_a_comparison_of_an_earlier_version_is_reported_with_the_seeds_as_well(bakeoff):
    write_comparison(bakeoff, BOTH)
    path = bakeoff / "comparison.csv"
    table = pd.read_csv(path)
    half = (table["difference_to_best_high"] - table["difference_to_best_low"])[1] / 2
    table = table.drop(columns=["detectable_with_many_seeds", "seed_variance_share"])
    table.assign(detectable_difference=0.001).to_csv(path, index=False)
    evidence = read_evidence(bakeoff, BOTH)
    words = " ".join(judge(evidence).sentences)
    assert evidence.unread == []
    assert f"a gap under about {half:.3f} cannot be told" in words
    assert "of that uncertainty" not in words


def copy_answers(results, source, target):
    for seed in (0, 1):
        for split in ("val", "test"):
            path = f"seed-{seed}/predictions/{split}.csv"
            content = (results / "runs" / source / path).read_bytes()
            (results / "runs" / target / path).write_bytes(content)
        evaluate_predictions(results / "runs" / target / f"seed-{seed}")


def test_a_tie_is_called_a_tie_and_nobody_leads(bakeoff):
    copy_answers(bakeoff, "broad", "narrow")
    headline, words = verdict_on(bakeoff, BOTH)
    mean = pd.read_csv(bakeoff / "comparison.csv")["test_auroc_mean"][0]
    assert headline == f"narrow and broad tie at an AUROC of {mean:.3f}"
    assert words.startswith(f"narrow reaches a mean AUROC of {mean:.3f} on test")
    assert "and so does broad." in words
    for wrong in ("lead", "ahead of", "-0.000", "−0.000"):
        assert wrong not in headline + words


def test_a_tie_of_perfect_rankings_is_a_tie_too(bakeoff):
    for variant in ("broad", "narrow"):
        for seed in (0, 1):
            run = bakeoff / "runs" / variant / f"seed-{seed}"
            change_scores(run, lambda frame: 0.2 + 0.6 * frame["Disease"])
    headline, words = verdict_on(bakeoff, BOTH)
    assert headline == "narrow and broad tie at an AUROC of 1.000"
    assert "Choosing on validation would have picked one of them." in words
    assert "Every variant beats the metadata baseline" in words


def test_a_clear_lead_is_called_one(bakeoff):
    for seed in (0, 1):
        change_scores(bakeoff / "runs" / "narrow" / f"seed-{seed}", blur(0.8, seed))
    headline, words = verdict_on(bakeoff, BOTH)
    assert headline == "broad leads by more than chance explains"
    assert "paired interval +" in words  # told from the leader's side


def test_a_lead_over_some_but_not_all_names_those_that_are_not_clearly_behind(bakeoff):
    for seed in (0, 1):
        run = bakeoff / "runs" / "ghost" / f"seed-{seed}"
        (run / "predictions").mkdir(parents=True, exist_ok=True)
        source = bakeoff / "runs" / "broad" / f"seed-{seed}"
        for part in ("run.json", "predictions/val.csv", "predictions/test.csv"):
            (run / part).write_bytes((source / part).read_bytes())
        change_scores(run, blur(0.9, seed))
    headline, words = verdict_on(bakeoff, EXPECTED)
    assert headline == "broad leads, but not clearly: it cannot be told from narrow"
    assert "broad is ahead of ghost by more than chance explains." in words


@pytest.mark.slow(seconds=2)
def test_the_variants_that_beat_the_metadata_are_named(bakeoff):
    assert "Every variant beats the metadata baseline" in verdict_on(bakeoff, BOTH)[1]
    assert "Every variant with a result beats" in verdict_on(bakeoff, EXPECTED)[1]
    for seed in (0, 1):
        change_scores(bakeoff / "runs" / "narrow" / f"seed-{seed}", blur(0.95, seed))
    headline, words = verdict_on(bakeoff, BOTH)
    assert headline.startswith("broad leads")
    assert "1 of 2 variants clearly beat the metadata baseline, which looks at no image" in words


@pytest.mark.slow(seconds=2)
def test_a_best_variant_below_the_baseline_is_the_headline_and_the_first_sentence(bakeoff):
    for variant in ("broad", "narrow"):
        for seed in (0, 1):
            change_scores(bakeoff / "runs" / variant / f"seed-{seed}", turn(0.65, seed))
    headline, words = verdict_on(bakeoff, BOTH)
    rows = pd.read_csv(bakeoff / "comparison.csv").set_index("variant")
    best, metadata = rows.iloc[0], rows.loc["metadata"]
    assert best["test_auroc_mean"] < metadata["test_auroc_mean"]
    assert headline == "No variant beats the metadata baseline"
    first, _, _ = words.partition(" It is ")
    assert (
        f"{-best['difference_to_baseline']:.3f} below the metadata baseline, which looks at no image "
        f"(AUROC {metadata['test_auroc_mean']:.3f})" in first
    )
    assert words.count("the metadata baseline") == 1


@pytest.mark.slow(seconds=2)
def test_a_best_variant_that_is_not_clearly_above_the_baseline_is_the_first_sentence(bakeoff):
    for variant in ("broad", "narrow"):
        for seed in (0, 1):
            change_scores(bakeoff / "runs" / variant / f"seed-{seed}", turn(0.5, seed))
    headline, words = verdict_on(bakeoff, BOTH)
    best = pd.read_csv(bakeoff / "comparison.csv").iloc[0]
    assert best["difference_to_baseline"] > 0 > best["difference_to_baseline_low"]
    assert headline == "No variant clearly beats the metadata baseline"
    assert f"{best['difference_to_baseline']:.3f} ahead of the metadata baseline" in words


def test_a_single_variant_below_the_baseline_is_reported(bakeoff):
    for seed in (0, 1):
        change_scores(bakeoff / "runs" / "broad" / f"seed-{seed}", turn(0.65, seed))
    headline, _ = verdict_on(bakeoff, [("broad", (0, 1))])
    assert headline == (
        "broad is the only variant with a result, and does not beat the metadata baseline"
    )


@pytest.mark.slow(seconds=2)
def test_without_metadata_what_guesses_is_the_baseline_to_beat(bakeoff):
    shutil.rmtree(bakeoff / "baselines" / "metadata")
    assert "majority" not in " ".join(verdict_on(bakeoff, BOTH))
    for variant in ("broad", "narrow"):
        for seed in (0, 1):
            change_scores(bakeoff / "runs" / variant / f"seed-{seed}", turn(0.5, seed))
    headline, words = verdict_on(bakeoff, BOTH)
    assert headline in (
        "No variant beats the majority baseline",
        "No variant clearly beats the majority baseline",
    )
    assert "the majority baseline, which guesses (AUROC 0.500)" in words


def test_a_variant_that_validation_would_have_chosen_instead_is_named(bakeoff):
    assert "would have picked the same variant" in verdict_on(bakeoff, BOTH)[1]
    for seed in (0, 1):
        change_scores(bakeoff / "runs" / "broad" / f"seed-{seed}", blur(0.5), splits=["val"])
    headline, words = verdict_on(bakeoff, BOTH)
    assert headline.startswith("broad leads")
    assert "without looking at test, would have picked narrow" in words


@pytest.mark.parametrize(("seeds", "said"), [((0, 1), False), ((1,), True)])
def test_a_single_seed_is_reported_to_show_nothing_of_reruns(bakeoff, seeds, said):
    words = verdict_on(bakeoff, [("broad", seeds), ("narrow", (0, 1))])[1]
    assert ("broad ran with a single seed" in words) == said


def test_missing_runs_are_counted(bakeoff):
    assert "2 of 6 runs are missing" in verdict_on(bakeoff, EXPECTED)[1]
    assert "missing" not in verdict_on(bakeoff, BOTH)[1]

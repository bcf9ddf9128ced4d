import shutil
from dataclasses import replace

import pandas as pd
import pytest

from bakeoff.evaluation.comparison import LATER, ensemble_columns, write_comparison
from bakeoff.evaluation.metrics import evaluate_predictions
from bakeoff.report.comparison_table import comparison_table
from bakeoff.report.evidence import read_evidence
from bakeoff.report.numbers import NOTHING
from bakeoff.report.resolution import resolution
from bakeoff.report.verdict import judge
from bakeoff.task.binary import BinaryTask
from tests.report.answers import BOTH, blur, change_scores, evidence_of, turn
from tests.report.digits import EXPECTED


def verdict_on(results, expected):
    verdict = judge(evidence_of(results, expected))
    return verdict.headline, " ".join((*verdict.first, *verdict.sentences))


def test_a_lead_that_chance_explains_is_called_that(bakeoff):
    headline, words = verdict_on(bakeoff, BOTH)
    assert headline == "The best is broad or narrow: this test set cannot tell which"
    row = pd.read_csv(bakeoff / "comparison.csv").set_index("variant").loc["narrow"]
    assert f"{-row['difference_to_best']:.3f} ahead of narrow" in words


def test_what_the_test_set_could_show_is_said_before_the_results(bakeoff):
    evidence = evidence_of(bakeoff, BOTH)
    could = evidence.conclusion.resolution.difference
    verdict = judge(evidence)
    assert verdict.first == (
        f"With 2 variants of 2 seeds each and 75 test images of {evidence.conclusion.units} patients, a "
        f"difference of {could:.3f} in AUROC is found in 80 % of such bake-offs; smaller ones mostly are "
        "not.",
    )
    assert "broad leads on test" in verdict.sentences[0]


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
    evidence = evidence_of(bakeoff, BOTH)
    words = " ".join(judge(evidence).sentences)
    share = evidence.conclusion.seeds.share
    assert (share > 0.5) == seeds_apart
    assert f"which is {100 * share:.0f} % of the uncertainty" in words
    assert ("more seeds for each variant would narrow it." in words) == seeds_apart
    assert ("more test images would narrow it" in words) != seeds_apart


def test_a_comparison_of_an_earlier_version_is_shown_and_what_is_missing_said(bakeoff):
    write_comparison(bakeoff, BOTH)
    (bakeoff / "conclusion.json").unlink()
    path = bakeoff / "comparison.csv"
    table = pd.read_csv(path)
    later = [*LATER, *ensemble_columns(BinaryTask().metric())]
    assert set(later) <= set(table)
    table.drop(columns=later).to_csv(path, index=False)
    evidence = read_evidence(bakeoff, BOTH)
    verdict = judge(evidence)
    assert evidence.unread == []
    assert verdict.headline == "No conclusion yet"
    assert "run bakeoff compare" in verdict.sentences[0]
    assert comparison_table(evidence).rows[0]["primary"] != NOTHING


def test_a_conclusion_about_other_variants_is_not_shown(bakeoff):
    write_comparison(bakeoff, BOTH)
    kept = (bakeoff / "conclusion.json").read_text()
    (bakeoff / "conclusion.json").write_text(kept.replace('"broad"', '"abroad"'))
    evidence = read_evidence(bakeoff, BOTH)
    assert judge(evidence).headline == "No conclusion yet"
    assert "conclusion.json: about other variants" in evidence.unread[0]


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
    assert f"narrow and broad lead on test with a mean AUROC of {mean:.3f} over 2 seeds" in words
    for wrong in ("leads", "ahead of narrow", "ahead of broad", "-0.000", "−0.000"):
        assert wrong not in headline + words


def test_variants_that_are_equal_to_the_bit_leave_the_resolution_unknown(bakeoff):
    for variant in ("broad", "narrow"):
        for seed in (0, 1):
            change_scores(bakeoff / "runs" / variant / f"seed-{seed}", lambda _: 0.5)
    assert (
        "what difference could be found is not known: no resample of the test patients"
        in (verdict_on(bakeoff, BOTH)[1])
    )


def test_a_tie_of_perfect_rankings_is_a_tie_too(bakeoff):
    for variant in ("broad", "narrow"):
        for seed in (0, 1):
            run = bakeoff / "runs" / variant / f"seed-{seed}"
            change_scores(run, lambda frame: 0.2 + 0.6 * frame["Disease"])
    headline, words = verdict_on(bakeoff, BOTH)
    assert headline == "narrow and broad tie at an AUROC of 1.000"
    assert "Validation, which has not seen the test images, chooses" in words
    assert "Every variant beats the metadata baseline" in words


def test_a_clear_lead_is_called_one(bakeoff):
    for seed in (0, 1):
        change_scores(bakeoff / "runs" / "narrow" / f"seed-{seed}", turn(0.9, seed))
    headline, words = verdict_on(bakeoff, BOTH)
    assert headline == "The best is broad"
    assert "narrow is worse by more than chance explains, all comparisons counted." in words
    assert "paired interval +" in words  # told from the leader's side


def test_a_lead_over_some_but_not_all_names_those_that_are_not_clearly_behind(bakeoff):
    for seed in (0, 1):
        run = bakeoff / "runs" / "ghost" / f"seed-{seed}"
        (run / "predictions").mkdir(parents=True, exist_ok=True)
        source = bakeoff / "runs" / "broad" / f"seed-{seed}"
        for part in ("run.json", "predictions/val.csv", "predictions/test.csv"):
            (run / part).write_bytes((source / part).read_bytes())
        change_scores(run, turn(0.8, seed))
    headline, _ = verdict_on(bakeoff, EXPECTED)
    assert headline == (
        "The best is broad or narrow: this test set cannot tell which. ghost is worse"
    )


def of_many(evidence, best, worse):
    """The evidence as if of so many variants that may be the best, and so many worse ones."""
    rows, (first, *_) = evidence.comparison, evidence.conclusion.contenders
    names = [f"b{at}" for at in range(best)] + [f"w{at}" for at in range(worse)]
    copies = pd.concat([rows.iloc[:1]] * len(names), ignore_index=True).assign(
        variant=names, baseline=None
    )
    copies["test_auroc_mean"] -= 0.01 * copies.index
    told = [replace(first, name=name, may_be_best=name.startswith("b")) for name in names]
    conclusion = replace(evidence.conclusion, contenders=tuple(told), choice=None)
    return replace(evidence, comparison=copies, conclusion=conclusion)


@pytest.mark.parametrize(
    ("best", "worse", "headline", "named"),
    [
        (7, 1, "cannot tell which of 7 of 8 variants is the best; w0 is worse", 0),
        (5, 2, "cannot tell which of 5 of 7 variants is the best; w0 and w1 are worse", 0),
        (5, 6, "cannot tell which of 5 of 11 variants is the best; the 6 others are worse", 1),
        (2, 6, "The best is b0 or b1: this test set cannot tell which. The 6 others are worse", 1),
        (5, 0, "cannot tell which of all 5 variants is the best", 0),
    ],
)
def test_of_many_the_headline_says_how_many_may_be_the_best_and_who_is_worse(
    bakeoff, best, worse, headline, named
):
    verdict = judge(of_many(read_evidence(bakeoff, BOTH), best, worse))
    assert verdict.headline.endswith(headline)
    assert " ".join(verdict.sentences).count("worse by more than chance") == named


@pytest.mark.slow(seconds=2)
def test_the_variants_that_beat_the_metadata_are_named(bakeoff):
    assert "Every variant beats the metadata baseline" in verdict_on(bakeoff, BOTH)[1]
    assert "Every variant with a result beats" in verdict_on(bakeoff, EXPECTED)[1]
    for seed in (0, 1):
        change_scores(bakeoff / "runs" / "narrow" / f"seed-{seed}", blur(0.95, seed))
    headline, words = verdict_on(bakeoff, BOTH)
    assert headline == "The best is broad"
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
    assert "chooses broad, too: take it" in verdict_on(bakeoff, BOTH)[1]
    for seed in (0, 1):
        change_scores(bakeoff / "runs" / "broad" / f"seed-{seed}", blur(0.5), splits=["val"])
    headline, words = verdict_on(bakeoff, BOTH)
    assert headline.startswith("The best is broad")
    assert "To take is narrow, which validation chooses: a mean AUROC of" in words
    assert "on test, where no look has chosen it." in words


@pytest.mark.parametrize(("seeds", "said"), [((0, 1), False), ((1,), True)])
def test_a_variant_with_a_single_seed_is_taken_to_spread_as_the_others(bakeoff, seeds, said):
    words = verdict_on(bakeoff, [("broad", seeds), ("narrow", (0, 1))])[1]
    assert ("broad ran with a single seed and is taken to spread as the others do" in words) == said
    assert "trained models" not in words


def test_with_unequal_seeds_the_first_row_of_what_more_brings_is_as_they_are(bakeoff):
    could = resolution(evidence_of(bakeoff, [("broad", (1,)), ("narrow", (0, 1))]))
    assert could.labels == ("as here (1 to 2)", "3", "10") and could.seeds == (1, 3, 10)
    assert resolution(evidence_of(bakeoff, BOTH)).labels == ("2", "4", "10")


def test_without_a_second_seed_the_first_sentence_is_that_models_are_compared(bakeoff):
    evidence = evidence_of(bakeoff, [("broad", (0,)), ("narrow", (1,))])
    verdict = judge(evidence)
    assert verdict.first[0].startswith("This compares trained models, not variants")
    assert verdict.headline.startswith("Of these trained models the best is broad")
    many = judge(of_many(evidence, 5, 0)).headline
    assert many == "This test set cannot tell which of all 5 trained models is the best"


def test_equivalent_variants_are_called_that_within_the_margin(bakeoff):
    for margin, said in (
        (0.9, "Equivalent within 0.9: broad and narrow."),
        (0.001, "Of no two variants"),
    ):
        write_comparison(bakeoff, BOTH, margin=margin)
        assert said in " ".join(judge(read_evidence(bakeoff, BOTH)).sentences)


def test_a_difference_that_is_there_and_is_within_the_margin_is_said_to_be_both(bakeoff):
    write_comparison(bakeoff, BOTH, margin=0.1)
    evidence = read_evidence(bakeoff, BOTH)
    (pair,) = evidence.conclusion.pairs
    for answer, equivalent, said in (
        ("better", 9e-27, "Better, and within 0.1: broad than narrow."),
        ("better", 0.2, "Of no two variants can it be shown that they are equivalent within 0.1."),
    ):
        pairs = (replace(pair, answer=answer, p_equivalent=equivalent),)
        conclusion = replace(evidence.conclusion, pairs=pairs)
        sentences = judge(replace(evidence, conclusion=conclusion)).sentences
        assert said in sentences
        assert len([one for one in sentences if "0.1" in one.split(": ")[0]]) == 1


def test_missing_runs_are_counted(bakeoff):
    assert "2 of 6 runs are missing" in verdict_on(bakeoff, EXPECTED)[1]
    assert "missing" not in verdict_on(bakeoff, BOTH)[1]

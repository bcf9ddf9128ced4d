import numpy as np
import pandas as pd
import pytest

from bakeoff.evaluation.comparison import write_comparison
from bakeoff.evaluation.metrics import evaluate_predictions
from bakeoff.report.evidence import read_evidence
from bakeoff.report.verdict import judge
from tests.report.digits import EXPECTED

BOTH = [("narrow", (0, 1)), ("broad", (0, 1))]


def verdict_on(results, expected):
    write_comparison(results, expected)
    verdict = judge(read_evidence(results, expected))
    return verdict.headline, " ".join(verdict.sentences)


def change_scores(run, change, splits=("val", "test")):
    for split in splits:
        path = run / "predictions" / f"{split}.csv"
        frame = pd.read_csv(path)
        frame["score"] = change(frame)
        frame.to_csv(path, index=False)
    evaluate_predictions(run)


def blur(share, seed=0):
    """Scores of which `share` are replaced by chance."""

    def change(frame):
        generator = np.random.default_rng(seed)
        chance = generator.random(len(frame))
        return np.where(generator.random(len(frame)) < share, chance, frame["score"])

    return change


def test_a_lead_that_the_test_set_cannot_tell_is_called_that(bakeoff):
    headline, words = verdict_on(bakeoff, BOTH)
    assert headline == "broad leads, but the test set cannot tell the variants apart"
    row = pd.read_csv(bakeoff / "comparison.csv").set_index("variant").loc["narrow"]
    assert f"{-row['difference_to_best']:.3f} ahead of narrow" in words
    assert f"cannot tell a gap under about {row['detectable_difference']:.3f}" in words


def test_a_tie_is_called_level(bakeoff):
    for seed in (0, 1):
        for split in ("val", "test"):
            path = f"seed-{seed}/predictions/{split}.csv"  # the same answers to every image
            content = (bakeoff / "runs" / "broad" / path).read_bytes()
            (bakeoff / "runs" / "narrow" / path).write_bytes(content)
        evaluate_predictions(bakeoff / "runs" / "narrow" / f"seed-{seed}")
    headline, words = verdict_on(bakeoff, BOTH)
    assert "level with " in words
    assert "ahead of" not in words
    assert "-0.000" not in words
    assert "−0.000" not in words
    assert headline.endswith("leads, but the test set cannot tell the variants apart")


def test_a_clear_lead_is_called_one(bakeoff):
    for seed in (0, 1):
        change_scores(bakeoff / "runs" / "narrow" / f"seed-{seed}", blur(0.8, seed))
    headline, words = verdict_on(bakeoff, BOTH)
    assert headline == "broad leads, and the test set can tell"
    assert "paired interval +" in words  # told from the leader's side


def test_a_lead_over_some_but_not_all_names_those_that_tie(bakeoff):
    for seed in (0, 1):
        run = bakeoff / "runs" / "ghost" / f"seed-{seed}"
        (run / "predictions").mkdir(parents=True, exist_ok=True)
        source = bakeoff / "runs" / "broad" / f"seed-{seed}"
        for part in ("run.json", "predictions/val.csv", "predictions/test.csv"):
            (run / part).write_bytes((source / part).read_bytes())
        change_scores(run, blur(0.9, seed))
    headline, words = verdict_on(bakeoff, EXPECTED)
    assert headline.endswith("the test set cannot tell it from narrow")
    assert "It is ahead of ghost by more than chance explains." in words


def test_who_beats_the_metadata_is_said_either_way(bakeoff):
    assert "Every variant beats the metadata baseline" in verdict_on(bakeoff, BOTH)[1]
    assert "Every variant with a result beats" in verdict_on(bakeoff, EXPECTED)[1]
    for variant in ("broad", "narrow"):
        for seed in (0, 1):
            change_scores(bakeoff / "runs" / variant / f"seed-{seed}", blur(0.95, seed))
    words = verdict_on(bakeoff, BOTH)[1]
    assert "No variant clearly beats the metadata baseline" in words
    assert "the leader's difference to it is" in words


def test_a_variant_that_validation_would_have_chosen_instead_is_named(bakeoff):
    assert "would have picked the same variant" in verdict_on(bakeoff, BOTH)[1]
    for seed in (0, 1):
        change_scores(bakeoff / "runs" / "broad" / f"seed-{seed}", blur(0.5), splits=["val"])
    headline, words = verdict_on(bakeoff, BOTH)
    assert headline.startswith("broad leads")
    assert "without looking at test, would have picked narrow" in words


@pytest.mark.parametrize(("seeds", "said"), [((0, 1), False), ((1,), True)])
def test_a_single_seed_is_said_to_tell_nothing_of_reruns(bakeoff, seeds, said):
    words = verdict_on(bakeoff, [("broad", seeds), ("narrow", (0, 1))])[1]
    assert ("broad ran with a single seed" in words) == said


def test_missing_runs_are_counted(bakeoff):
    assert "2 of 6 runs are missing" in verdict_on(bakeoff, EXPECTED)[1]
    assert "missing" not in verdict_on(bakeoff, BOTH)[1]

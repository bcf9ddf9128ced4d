"""Each rule on a table on which it has something to say, and on one on which it has not."""

import json

import numpy as np
import pandas as pd
import pytest

from bakeoff.report.diagnostics import RULES, diagnose, ranking, scores, thresholds, training
from bakeoff.report.evidence import read_evidence
from tests.report.answers import BOTH, blur, change_scores, evidence_of, turn
from tests.report.digits import EXPECTED


@pytest.fixture(scope="module")
def sound(finished_bakeoff):
    return read_evidence(finished_bakeoff, EXPECTED)


def change(bakeoff, variant, how, splits=("val", "test"), seeds=(0, 1)):
    for seed in seeds:
        run = bakeoff / "runs" / variant / f"seed-{seed}"
        change_scores(run, how(seed) if how in (blur_all, turn_most) else how, splits)


def blur_all(seed):
    return blur(1.0, seed)


def turn_most(seed):
    return turn(0.9, seed)


def metric(bakeoff, variant, name, split="test"):
    files = [bakeoff / f"runs/{variant}/seed-{seed}/metrics.json" for seed in (0, 1)]
    return np.mean([json.loads(file.read_text())[split][name] for file in files])


@pytest.mark.slow(seconds=4)
def test_a_sound_bakeoff_is_only_advised_to_train_longer(sound):
    diagnostics = diagnose(sound)
    assert [one.seen for one in diagnostics.found] == [
        "Best on validation at the last epoch: broad and narrow (each 2 of 2 seeds, epoch 4 of 4)."
    ]
    assert len(diagnostics.absent) == len(RULES) - 1


def test_where_nothing_ran_nothing_was_looked_for(tmp_path):
    diagnostics = diagnose(read_evidence(tmp_path, EXPECTED))
    assert diagnostics.found == diagnostics.absent == []


@pytest.mark.slow(seconds=2)
def test_a_ranking_no_better_than_guessing(bakeoff, sound):
    change(bakeoff, "narrow", blur_all)
    change(bakeoff, "broad", turn_most)
    worse, even = ranking.guessing(evidence_of(bakeoff))
    row = pd.read_csv(bakeoff / "comparison.csv").set_index("variant").loc["broad"]
    assert "below 0.5 by more than chance: broad" in worse.seen
    assert f"({row['test_auroc_mean']:.3f}, {row['test_auroc_low']:.3f} to" in worse.seen
    assert "Not told from guessing" in even.seen and "narrow (" in even.seen
    assert ranking.guessing(sound) == []


def test_a_gap_between_validation_and_test_beyond_chance(bakeoff, sound):
    change(bakeoff, "narrow", blur(1.0), splits=["test"])
    (found,) = ranking.validation_gap(evidence_of(bakeoff))
    val, test = (metric(bakeoff, "narrow", "auroc", split) for split in ("val", "test"))
    assert "AUROC on validation above that on test by more than chance" in found.seen
    assert f"narrow ({val:.3f} against {test:.3f}: +{val - test:.3f}, +" in found.seen
    assert "broad" not in found.seen
    assert ranking.validation_gap(sound) == []  # there is a gap, and chance explains it


def test_a_gap_the_other_way_is_reported_too(bakeoff):
    change(bakeoff, "broad", blur(1.0), splits=["val"])
    (found,) = ranking.validation_gap(evidence_of(bakeoff))
    assert "AUROC on test above that on validation" in found.seen and "broad (" in found.seen


def test_a_gap_of_the_same_size_is_chance_on_fewer_images(bakeoff):
    change(bakeoff, "narrow", blur(1.0), splits=["test"])
    for seed in (0, 1):
        run = bakeoff / "runs" / "narrow" / f"seed-{seed}"
        for split in ("val", "test"):
            path = run / "predictions" / f"{split}.csv"
            frame = pd.read_csv(path).groupby("Disease").head(3)
            frame.to_csv(path, index=False)
        change_scores(run, lambda frame: frame["score"])
    assert ranking.validation_gap(read_evidence(bakeoff, [("narrow", (0, 1))])) == []


def test_perfect_rankings(bakeoff, sound):
    change(bakeoff, "narrow", lambda frame: 0.1 + 0.8 * frame["Disease"])
    (found,) = ranking.perfect(evidence_of(bakeoff))
    assert found.seen == "narrow: an AUROC of 1.000 on 75 test images."
    assert ranking.perfect(sound) == []


def test_scores_that_hardly_move(bakeoff, sound):
    change(bakeoff, "narrow", lambda frame: 0.48 + 0.002 * frame["score"])
    change(bakeoff, "broad", lambda frame: 0.5, seeds=[1])
    evidence = evidence_of(bakeoff)
    still, moving = scores.constant(evidence)
    assert "do not rank: broad (in 1 of 2 seeds, all 0.500)" in still.seen
    assert (
        "though they rank: narrow (in 2 of 2 seeds, 95 % of them from 0.480 to 0.482)"
        in moving.seen
    )
    assert scores.constant(sound) == []


def test_a_brier_score_worse_than_the_majoritys(bakeoff, sound):
    change(bakeoff, "narrow", lambda frame: np.clip(frame["score"] ** 12, 0, 1))
    (found,) = scores.uncalibrated(evidence_of(bakeoff))
    majority = json.loads((bakeoff / "baselines/majority/metrics.json").read_text())
    assert f"the majority baseline's {majority['test']['brier']:.3f}" in found.seen
    assert f"narrow ({metric(bakeoff, 'narrow', 'brier'):.3f}, " in found.seen
    assert "broad" not in found.seen
    assert metric(bakeoff, "narrow", "auroc") > 0.8  # it ranks well: that is what makes one ask
    assert scores.uncalibrated(sound) == []


def test_a_mean_score_that_is_off_the_share_of_the_class(bakeoff, sound):
    change(bakeoff, "narrow", lambda frame: frame["score"] ** 4, seeds=[1])
    (found,) = scores.miscalibrated(evidence_of(bakeoff))
    table = pd.read_csv(bakeoff / "runs/narrow/seed-1/predictions/test.csv")
    assert f"off the share of odd, {table['Disease'].mean():.2f}" in found.seen
    assert f"narrow (seed 1: {table['score'].mean():.2f})" in found.seen
    assert scores.miscalibrated(sound) == []


def test_thresholds_that_differ_between_seeds(bakeoff, sound):
    change(bakeoff, "narrow", lambda frame: frame["score"] ** 8, seeds=[0])
    change(bakeoff, "narrow", lambda frame: frame["score"] ** 0.1, seeds=[1])
    (found,) = thresholds.thresholds(evidence_of(bakeoff))
    own = [
        json.loads((bakeoff / f"runs/narrow/seed-{s}/metrics.json").read_text())["threshold"][
            "value"
        ]
        for s in (0, 1)
    ]
    assert (
        f"narrow ({own[0]:.3f} of seed 0 and {own[1]:.3f} of seed 1; with the other's,"
        in found.seen
    )
    assert "broad" not in found.seen
    assert thresholds.thresholds(sound) == []
    assert len({run.figure_of("threshold", "value") for run in sound.variants["broad"]}) == 2


def test_a_run_that_predicts_one_class_for_every_image(bakeoff, sound):
    change(bakeoff, "narrow", lambda frame: 0.9 + 0.1 * frame["score"], splits=["test"], seeds=[1])
    (found,) = thresholds.one_class(evidence_of(bakeoff))
    assert "narrow (seed 1: all odd)" in found.seen
    assert thresholds.one_class(sound) == []


def edit_history(bakeoff, variant, seed, edit):
    path = bakeoff / "runs" / variant / f"seed-{seed}" / "history.csv"
    table = pd.read_csv(path)
    edit(table)
    table.to_csv(path, index=False)


def test_runs_that_diverged(bakeoff, sound):
    def rise(table):
        table["train_loss"] = [0.5, 0.6, 2.0, 3.0]

    edit_history(bakeoff, "broad", 0, rise)
    (bakeoff / "runs/ghost/seed-0/train.log").write_text(
        "bakeoff: error: the loss is nan at epoch 1, step 3 with learning rate 90.\n"
    )
    evidence = read_evidence(bakeoff, EXPECTED, {"ghost": {"training": {"lr": 90.0}}})
    (found,) = training.diverged(evidence)
    assert "ghost (seed 0: the loss is no number; lr 90)" in found.seen
    assert "broad (seed 0: training loss 0.50, at the end 3.00; lr 0.01)" in found.seen
    assert training.diverged(sound) == []  # ghost failed there, too, for want of memory


@pytest.mark.parametrize(("epoch", "said"), [(4, "last"), (1, "first"), (2, None)])
def test_a_best_epoch_at_either_end_of_training(bakeoff, epoch, said):
    for variant in ("broad", "narrow"):
        for seed in (0, 1):
            path = bakeoff / "runs" / variant / f"seed-{seed}" / "run.json"
            record = json.loads(path.read_text())
            record["best"]["epoch"] = epoch if variant == "broad" else 2
            path.write_text(json.dumps(record))
    found = training.best_epochs(read_evidence(bakeoff, BOTH))
    if said is None:
        assert found == []
    else:
        assert found[0].seen == (
            f"Best on validation at the {said} epoch: broad (2 of 2 seeds, epoch {epoch} of 4)."
        )
        assert ("Train longer" in found[0].advice) == (said == "last")

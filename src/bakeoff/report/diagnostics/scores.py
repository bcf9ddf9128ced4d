"""Diagnostics of the scores: whether they vary at all, and whether they are probabilities."""

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np

from bakeoff.evaluation import clustered
from bakeoff.evaluation.intervals import Floats
from bakeoff.evaluation.predictions import Predictions
from bakeoff.report.diagnostics.diagnostic import Case, Diagnostic, worst_first
from bakeoff.report.dot_plot import finished_rows
from bakeoff.report.evidence import Evidence, RunEvidence
from bakeoff.report.numbers import figure, gap_interval, listing

NARROW = 0.1  # of the labels' own spread: scores whose middle is narrower hardly move
SLIGHT = 0.05  # a mean score that is off by less is harmless, however significant


def constant(evidence: Evidence) -> list[Diagnostic]:
    """Variants whose scores of the test images all but agree."""
    moving: list[Case] = []
    still: list[Case] = []
    for name, runs in evidence.finished():
        flat = [run for run in runs if run.test is not None and hardly_moves(run.test)]
        if not flat:
            continue
        scores = np.concatenate([run.test.scores for run in flat if run.test is not None])
        seeds = f"in {len(flat)} of {len(runs)} seeds, " if len(runs) > 1 else ""
        case = Case(name, len(flat) / len(runs), f"{seeds}{_range(scores)}")
        auroc = np.mean([run.figure_of("test", "auroc") for run in flat])
        (moving if auroc > 0.6 else still).append(case)
    diagnostics = []
    if still:
        diagnostics.append(
            Diagnostic(
                f"Scores that hardly move, and do not rank: {worst_first(still)}.",
                "Nothing was learnt: the model answers the same whatever it sees.",
                "See whether the training loss falls at all; try another learning rate, or more epochs.",
            )
        )
    if moving:
        diagnostics.append(
            Diagnostic(
                f"Scores that hardly move, though they rank: {worst_first(moving)}.",
                "The model has only begun to learn: its order of the images may be right, but the scores "
                "are no probabilities, and a threshold among them is decided by the last digits.",
                "Train longer or with a higher learning rate before a score or a threshold is used.",
            )
        )
    return diagnostics


def hardly_moves(test: Predictions) -> bool:
    """True if the middle 95 % of the scores are narrower than NARROW of the labels' own spread."""
    low, high = np.quantile(test.scores, [0.025, 0.975])
    prevalence = test.labels.mean()
    return bool(high - low <= NARROW * 2 * np.sqrt(prevalence * (1 - prevalence)))


def worse_brier(evidence: Evidence) -> list[Diagnostic]:
    """Variants with a larger Brier score than the majority baseline, which predicts the prevalence."""
    rows = finished_rows(evidence)
    majority = evidence.baselines["majority"]
    if rows.empty or majority.test is None:
        return []
    cases = []
    for row in rows.to_dict("records"):
        if (case := _brier_case(evidence.variants[row["variant"]], row, majority.test)) is not None:
            cases.append(case)
    if not cases:
        return []
    bar = figure(_brier(majority.test).mean())
    return [
        Diagnostic(
            f"A Brier score worse than the majority baseline's {bar} (and the difference's 95 % "
            f"interval): {worst_first(cases)}.",
            "Whoever took these scores for probabilities would do better to say the prevalence of train "
            "each time, even where the images are ranked well: the scores are too sure of themselves, or "
            "shifted.",
            "Use the ranking, not the score; calibrate on validation (temperature scaling), or choose the "
            "epoch by the loss (training.select_on: loss).",
        )
    ]


def _brier_case(
    runs: list[RunEvidence], row: Mapping[Hashable, Any], majority: Predictions
) -> Case | None:
    tests = [run.test for run in runs if run.finished and run.test is not None]
    bar = _brier(majority)
    if not tests or any(len(test.labels) != len(bar) for test in tests):
        return None
    worse = [_brier(test) - bar for test in tests]
    estimate = clustered.mean(np.mean(worse, axis=0), majority.units)
    estimate = estimate.over_seeds([float(each.mean()) for each in worse])
    if estimate.value <= 0 or figure(estimate.value) == figure(0.0):
        return None
    ends = estimate.interval()
    words = figure(row["test_brier_mean"])
    if ends is not None:
        words += f", {gap_interval(*ends)}"
    return Case(str(row["variant"]), estimate.value, words)


def miscalibrated(evidence: Evidence) -> list[Diagnostic]:
    """Runs whose mean score is not the share of the positive class, beyond chance and by SLIGHT."""
    done = [run for _, runs in evidence.finished() for run in runs if run.test is not None]
    worst: dict[str, Case] = {}
    for run in done:
        if run.test is None:
            continue
        excess = clustered.mean(run.test.scores - run.test.labels, run.test.units)
        interval = excess.interval(among=len(done))
        if interval is None or interval.low <= 0 <= interval.high or abs(excess.value) < SLIGHT:
            continue
        size = abs(excess.value)
        words = f"seed {run.seed}: {figure(run.test.scores.mean(), 2)}"
        if run.variant not in worst or worst[run.variant].size < size:
            worst[run.variant] = Case(run.variant, size, words)
    if not worst:
        return []
    share = next(float(run.test.labels.mean()) for run in done if run.test is not None)
    return [
        Diagnostic(
            f"A mean score on test that is off the share of {evidence.classes.positive}, "
            f"{figure(share, 2)}, by more than chance: {worst_first(list(worst.values()))}.",
            "The scores are not calibrated: read as probabilities they expect too many or too few of "
            "that class.",
            "Calibrate on validation before a score is read as a probability, or averaged with another "
            "model's.",
        )
    ]


def _brier(test: Predictions) -> Floats:
    return np.asarray((test.scores - test.labels) ** 2, dtype=np.float64)


def _range(scores: Floats) -> str:
    low, high = np.quantile(scores, [0.025, 0.975])
    if scores.min() == scores.max():
        return f"all {figure(scores[0])}"
    return f"95 % of them from {listing([figure(low), figure(high)]).replace(' and ', ' to ')}"

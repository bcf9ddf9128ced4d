"""Diagnostics of the scores: whether they vary at all, and whether they are probabilities."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np

from bakeoff.evaluation import clustered
from bakeoff.evaluation.intervals import Floats
from bakeoff.evaluation.predictions import Predictions
from bakeoff.report.diagnostics.diagnostic import Case, Diagnostic, worst_first
from bakeoff.report.evidence import Evidence, RunEvidence
from bakeoff.report.numbers import figure, gap_interval
from bakeoff.report.standings import finished_rows
from bakeoff.task.classification import Labels, OneVsRest
from bakeoff.task.measures import measures_of

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
        seeds = f"in {len(flat)} of {len(runs)} seeds, " if len(runs) > 1 else ""
        tests = [run.test for run in flat if run.test is not None]
        case = Case(name, len(flat) / len(runs), f"{seeds}{_range(tests)}")
        auroc = np.mean([run.figure_of("test", evidence.task.ranking.name) for run in flat])
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
    """True if the middle 95 % of all scores are narrower than NARROW of their labels' own spread."""
    return all(is_still(view) for view in views(test))


def is_still(view: OneVsRest) -> bool:
    """`hardly_moves` for one class or finding."""
    low, high = np.quantile(view.scores, [0.025, 0.975])
    prevalence = view.labels.mean()
    return bool(high - low <= NARROW * 2 * np.sqrt(prevalence * (1 - prevalence)))


def views(test: Predictions) -> list[OneVsRest]:
    """The classes or findings that some test images are of and others are not."""
    return [
        view
        for view in test.task.one_vs_rest(test.labels, test.scores)
        if 0 < view.labels.sum() < len(view.labels)
    ]


def uncalibrated(evidence: Evidence) -> list[Diagnostic]:
    """Variants whose scores are worse probabilities than the majority baseline's, the shares of train."""
    rows = finished_rows(evidence)
    majority = evidence.baselines["majority"]
    if rows.empty or majority.test is None:
        return []
    cases = []
    for row in rows.to_dict("records"):
        if (case := _case(evidence.variants[row["variant"]], row, majority.test)) is not None:
            cases.append(case)
    if not cases:
        return []
    bar = figure(_losses(majority.test).mean())
    metric = evidence.task.calibration.with_article
    return [
        Diagnostic(
            f"{metric[0].upper()}{metric[1:]} worse than the majority baseline's {bar} (and the "
            f"difference's 95 % interval): {worst_first(cases)}.",
            "Whoever took these scores for probabilities would do better to say "
            f"{evidence.words.prior} each time, even where the images are ranked well: the scores are too "
            "sure of themselves, or shifted.",
            "Use the ranking, not the score; calibrate on validation (temperature scaling), or choose the "
            "epoch by the loss (training.select_on: loss).",
        )
    ]


def _case(
    runs: list[RunEvidence], row: Mapping[Hashable, Any], majority: Predictions
) -> Case | None:
    tests = [run.test for run in runs if run.finished and run.test is not None]
    bar = _losses(majority)
    if not tests or any(len(test.labels) != len(bar) for test in tests):
        return None
    worse = [_losses(test) - bar for test in tests]
    estimate = clustered.mean(np.mean(worse, axis=0), majority.units)
    estimate = estimate.over_seeds([float(each.mean()) for each in worse])
    if estimate.value <= 0 or figure(estimate.value) == figure(0.0):
        return None
    ends = estimate.interval()
    words = figure(row[f"test_{majority.task.calibration.name}_mean"])
    if ends is not None:
        words += f", {gap_interval(*ends)}"
    return Case(str(row["variant"]), estimate.value, words)


def miscalibrated(evidence: Evidence) -> list[Diagnostic]:
    """Runs whose mean score is not the share of its class or finding, beyond chance and by SLIGHT."""
    done = [run for _, runs in evidence.finished() for run in runs if run.test is not None]
    shares = {view.name: float(view.labels.mean()) for run in done[:1] for view in _of(run)}
    worst: dict[str, Case] = {}
    for run in done:
        for view in _of(run):
            excess = clustered.mean(view.scores - view.labels, _units(run))
            interval = excess.interval(among=len(done) * len(shares))
            if interval is None or interval.low <= 0 <= interval.high or abs(excess.value) < SLIGHT:
                continue
            size = abs(excess.value)
            words = f"seed {run.seed}: {figure(view.scores.mean(), 2)}"
            if len(shares) > 1:
                words += f" for {view.name}, {figure(float(view.labels.mean()), 2)}"
            if run.variant not in worst or worst[run.variant].size < size:
                worst[run.variant] = Case(run.variant, size, words)
    if not worst:
        return []
    noun = evidence.task.label_noun
    (only,) = shares.items() if len(shares) == 1 else [("", 0.0)]
    what = (
        f"the share of {only[0]}, {figure(only[1], 2)}," if only[0] else f"the share of its {noun}"
    )
    return [
        Diagnostic(
            f"A mean score on test that is off {what} by more than chance: "
            f"{worst_first(list(worst.values()))}.",
            "The scores are not calibrated: read as probabilities they expect too many or too few of "
            f"that {noun}.",
            "Calibrate on validation before a score is read as a probability, or averaged with another "
            "model's.",
        )
    ]


def _of(run: RunEvidence) -> list[OneVsRest]:
    return [] if run.test is None else views(run.test)


def _units(run: RunEvidence) -> Labels:
    return np.empty(0, dtype=np.int64) if run.test is None else run.test.units


def _losses(test: Predictions) -> Floats:
    """What the task's metric of probabilities is the mean of: (n,)."""
    found = measures_of(test.task).of_each(test.task.calibration.name, test.labels, test.scores, {})
    return np.empty(0) if found is None else found


def _range(tests: Sequence[Predictions]) -> str:
    """The scores of the class or finding that moves most."""
    by_name: dict[str, list[Floats]] = {}
    for test in tests:
        for view in views(test):
            by_name.setdefault(view.name, []).append(view.scores)
    scores = {name: np.concatenate(found) for name, found in by_name.items()}
    ends = {name: np.quantile(found, [0.025, 0.975]) for name, found in scores.items()}
    widest = max(ends, key=lambda name: float(ends[name][1] - ends[name][0]))
    low, high = ends[widest]
    of = f" for {widest}" if len(ends) > 1 else ""
    if scores[widest].min() == scores[widest].max():
        return f"all {figure(scores[widest][0])}{of}"
    return f"95 % of them from {figure(low)} to {figure(high)}{of}"

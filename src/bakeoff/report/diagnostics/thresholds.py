"""Diagnostics of decision thresholds: those that do not carry over, and one predicted class for all."""

import numpy as np

from bakeoff.evaluation import clustered
from bakeoff.evaluation.intervals import Floats
from bakeoff.evaluation.predictions import Predictions
from bakeoff.report.diagnostics.diagnostic import Case, Diagnostic, worst_first
from bakeoff.report.diagnostics.scores import hardly_moves
from bakeoff.report.evidence import Evidence, RunEvidence
from bakeoff.report.numbers import figure

COSTS = 0.05  # balanced accuracy that another seed's threshold has to cost before it is reported


def one_class(evidence: Evidence) -> list[Diagnostic]:
    """Variants with runs that predict one class for every test image."""
    cases = []
    for name, runs in evidence.finished():
        calls = {run.seed: _only_class(run) for run in runs}
        found = {seed: call for seed, call in calls.items() if call is not None}
        if not found:
            continue
        names = (evidence.classes.negative, evidence.classes.positive)
        words = ", ".join(f"seed {seed}: all {names[call]}" for seed, call in found.items())
        cases.append(Case(name, len(found) / len(runs), words))
    if not cases:
        return []
    return [
        Diagnostic(
            f"Every test image is called the same at the threshold chosen on validation: "
            f"{worst_first(cases)}.",
            "The threshold does not carry over from validation to test, or the scores do not tell the "
            "classes apart at all.",
            "Compare AUROCs, not accuracies, of these; a larger validation set gives a steadier threshold.",
        )
    ]


def _only_class(run: RunEvidence) -> int | None:
    """The class that the run predicts for every test image; None where it predicts both."""
    threshold = run.figure_of("threshold", "value")
    if run.test is None or not np.isfinite(threshold):
        return None
    called = set((run.test.scores >= threshold).astype(int).tolist())
    return called.pop() if len(called) == 1 else None


def thresholds(evidence: Evidence) -> list[Diagnostic]:
    """Variants of which one seed's threshold would spoil another seed's predictions."""
    cases = []
    for name, runs in evidence.finished():
        usable = [
            run
            for run in runs
            if run.test is not None
            and not hardly_moves(run.test)
            and np.isfinite(run.figure_of("threshold", "value"))
        ]
        if (case := _case(name, usable)) is not None:
            cases.append(case)
    if not cases:
        return []
    return [
        Diagnostic(
            f"Thresholds that differ between seeds so much that one seed's spoils another's calls: "
            f"{worst_first(cases)}.",
            "The seeds' scores are on different scales, or few validation images decide the threshold. "
            "Means over seeds of accuracy, sensitivity and specificity hide that.",
            "Never carry a threshold from one trained model to another; more validation images or "
            "calibrated scores make it steadier.",
        )
    ]


def _case(name: str, runs: list[RunEvidence]) -> Case | None:
    """The lowest and the highest threshold, where exchanging them costs more than chance explains."""
    if len(runs) < 2:
        return None
    ordered = sorted(runs, key=lambda run: run.figure_of("threshold", "value"))
    low, high = ordered[0], ordered[-1]
    losses: list[tuple[float, int, float]] = []  # cost, seed, balanced accuracy before
    for run, other in ((low, high), (high, low)):
        if run.test is None:
            return None
        own, others = (each.figure_of("threshold", "value") for each in (run, other))
        drop = _right(run.test, own) - _right(run.test, others)
        estimate = clustered.class_mean(drop, run.test.labels, run.test.units)
        interval = estimate.interval()
        if interval is not None and interval.low > 0 and estimate.value >= COSTS:
            right = clustered.class_mean(_right(run.test, own), run.test.labels, run.test.units)
            losses.append((estimate.value, run.seed, right.value))
    if not losses:
        return None
    cost, seed, before = max(losses)
    words = " and ".join(
        f"{figure(run.figure_of('threshold', 'value'))} of seed {run.seed}" for run in (low, high)
    )
    return Case(
        name,
        cost,
        f"{words}; with the other's, seed {seed} falls from {figure(before)} to {figure(before - cost)} "
        "in balanced accuracy",
    )


def _right(test: Predictions, threshold: float) -> Floats:
    """1 where the prediction is right, else 0: (n,)."""
    return np.asarray((test.scores >= threshold) == test.labels, dtype=np.float64)

"""Diagnostics of what is called: one label for all images, and thresholds that do not carry over."""

import numpy as np

from bakeoff.evaluation import clustered
from bakeoff.evaluation.intervals import Floats
from bakeoff.report.diagnostics.diagnostic import Case, Diagnostic, worst_first
from bakeoff.report.diagnostics.scores import hardly_moves, is_still, views
from bakeoff.report.evidence import Evidence, RunEvidence
from bakeoff.report.numbers import figure
from bakeoff.task.classification import OneVsRest

COSTS = 0.05  # balanced accuracy that another seed's threshold has to cost before it is reported

Scored = tuple[RunEvidence, OneVsRest, float]
"""A run with one class or finding of its test images, and the threshold of that."""


def has_thresholds(evidence: Evidence) -> bool:
    """Whether the task has decision thresholds at all."""
    return evidence.words.thresholds


def one_class(evidence: Evidence) -> list[Diagnostic]:
    """Variants with runs that call every test image the same."""
    cases = []
    for name, runs in evidence.finished():
        calls = {run.seed: _only_call(run, evidence) for run in runs}
        found = {seed: call for seed, call in calls.items() if call}
        if not found:
            continue
        words = ", ".join(f"seed {seed}: all {call}" for seed, call in found.items())
        cases.append(Case(name, len(found) / len(runs), words))
    if not cases:
        return []
    if not has_thresholds(evidence):
        return [
            Diagnostic(
                f"Every test image is called the same: {worst_first(cases)}.",
                "The scores do not tell the classes apart, or one class is so frequent in train that it is "
                "always the likeliest.",
                f"Compare by {evidence.task.ranking} and balanced accuracy, not by accuracy; see whether the "
                "training loss falls at all.",
            )
        ]
    several = len(evidence.task.scored) > 1
    return [
        Diagnostic(
            f"Every test image is called the same at the {'thresholds' if several else 'threshold'} chosen "
            f"on validation: {worst_first(cases)}.",
            "The threshold does not carry over from validation to test, or the scores do not tell the "
            f"{evidence.task.label_nouns} apart at all.",
            "Compare AUROCs, not accuracies, of these; a larger validation set gives a steadier threshold.",
        )
    ]


def _only_call(run: RunEvidence, evidence: Evidence) -> str:
    """What the run calls every test image, in words; empty where it calls more than one thing."""
    thresholds = evidence.thresholds_of(run)
    if run.test is None or (has_thresholds(evidence) and not thresholds):
        return ""
    called = run.test.task.called(run.test.scores, thresholds)
    alike = bool((called == called[0]).all())
    return evidence.task.in_words(called[:1])[0] if alike else ""


def thresholds(evidence: Evidence) -> list[Diagnostic]:
    """Variants of which one seed's threshold would spoil another seed's predictions."""
    cases = []
    several = len(evidence.task.scored) > 1
    for name, runs in evidence.finished():
        by_scored: dict[str, list[Scored]] = {}
        for run in runs:
            chosen = evidence.thresholds_of(run)
            if run.test is None or hardly_moves(run.test):
                continue
            for view in views(run.test):
                if view.name in chosen and not is_still(view):
                    by_scored.setdefault(view.name, []).append((run, view, chosen[view.name]))
        found = [
            Case(name, case.size, f"{scored}: {case.words}" if several else case.words)
            for scored, seeds in by_scored.items()
            if (case := _case(name, seeds, among=len(by_scored))) is not None
        ]
        if found:
            cases.append(max(found, key=lambda case: case.size))
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


def _case(name: str, seeds: list[Scored], among: int) -> Case | None:
    """The lowest and the highest threshold, where exchanging them costs more than chance explains.

    `among` is how many classes or findings are looked at.
    """
    if len(seeds) < 2:
        return None
    ordered = sorted(seeds, key=lambda seed: seed[2])
    low, high = ordered[0], ordered[-1]
    losses: list[tuple[float, int, float]] = []  # cost, seed, balanced accuracy before
    for (run, view, own), (_, _, others) in ((low, high), (high, low)):
        if run.test is None:
            return None
        drop = _right(view, own) - _right(view, others)
        estimate = clustered.class_mean(drop, view.labels, run.test.units)
        interval = estimate.interval(among)
        if interval is not None and interval.low > 0 and estimate.value >= COSTS:
            right = clustered.class_mean(_right(view, own), view.labels, run.test.units)
            losses.append((estimate.value, run.seed, right.value))
    if not losses:
        return None
    cost, seed, before = max(losses)
    words = " and ".join(f"{figure(own)} of seed {run.seed}" for run, _, own in (low, high))
    return Case(
        name,
        cost,
        f"{words}; with the other's, seed {seed} falls from {figure(before)} to {figure(before - cost)} "
        "in balanced accuracy",
    )


def _right(view: OneVsRest, threshold: float) -> Floats:
    """1 where the call is right, else 0: (n,)."""
    return np.asarray((view.scores >= threshold) == view.labels, dtype=np.float64)

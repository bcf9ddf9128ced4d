"""Diagnostics of a bake-off: rules that check its tables for what a careful reader would ask about."""

from collections.abc import Callable
from dataclasses import dataclass

from bakeoff.report.diagnostics import ranking, scores, thresholds, training
from bakeoff.report.diagnostics.diagnostic import Diagnostic
from bakeoff.report.evidence import Evidence

__all__ = ["RULES", "Diagnostic", "Diagnostics", "diagnose"]

Rule = Callable[[Evidence], list[Diagnostic]]

RULES: tuple[tuple[str, Rule], ...] = (
    ("runs that diverged", training.diverged),
    ("rankings no better than guessing", ranking.guessing),
    ("scores that hardly move", scores.constant),
    ("runs that call every image the same", thresholds.one_class),
    ("gaps between validation and test beyond chance", ranking.validation_gap),
    ("perfect rankings", ranking.perfect),
    ("Brier scores worse than the majority's", scores.worse_brier),
    ("scores that are no probabilities", scores.miscalibrated),
    ("thresholds that differ between seeds", thresholds.thresholds),
    ("best epochs at the end or the start of training", training.best_epochs),
)
"""The rules with the names of what they look for, the most important first."""


@dataclass(frozen=True)
class Diagnostics:
    """The findings, and the names of the rules without any."""

    found: list[Diagnostic]
    absent: list[str]


def diagnose(evidence: Evidence) -> Diagnostics:
    """Apply every rule, the most important first; none where no run has finished an epoch."""
    if not any(run.finished or len(run.history) or run.log_tail for run in evidence.runs):
        return Diagnostics([], [])
    found, absent = [], []
    for name, rule in RULES:
        diagnostics = rule(evidence)
        found += diagnostics
        if not diagnostics:
            absent.append(name)
    return Diagnostics(found, absent)

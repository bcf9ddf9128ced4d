"""Diagnostics of a bake-off: rules that check its tables for what a careful reader would ask about."""

from collections.abc import Callable
from dataclasses import dataclass

from bakeoff.report.diagnostics import ranking, scores, thresholds, training
from bakeoff.report.diagnostics.diagnostic import Diagnostic
from bakeoff.report.evidence import Evidence

__all__ = ["RULES", "Diagnostic", "Diagnostics", "diagnose"]

Rule = Callable[[Evidence], list[Diagnostic]]


def _named_by_calibration(evidence: Evidence) -> str:
    title = evidence.task.calibration.title
    return f"{title}{'es' if title.endswith('s') else 's'} worse than the majority's"


def _perfect(evidence: Evidence) -> str:
    ranked = evidence.metric == evidence.task.ranking
    return "perfect rankings" if ranked else f"a perfect {evidence.metric}"


def _always(evidence: Evidence) -> bool:
    return True


@dataclass(frozen=True)
class Looked:
    """A rule, what it looks for in words, and whether that makes sense for the task."""

    name: str | Callable[[Evidence], str]
    rule: Rule
    applies: Callable[[Evidence], bool] = _always

    def in_words(self, evidence: Evidence) -> str:
        """The name."""
        return self.name if isinstance(self.name, str) else self.name(evidence)


RULES: tuple[Looked, ...] = (
    Looked("runs that diverged", training.diverged),
    Looked("rankings no better than guessing", ranking.guessing),
    Looked("scores that hardly move", scores.constant),
    Looked("runs that call every image the same", thresholds.one_class),
    Looked("gaps between validation and test beyond chance", ranking.validation_gap),
    Looked(_perfect, ranking.perfect),
    Looked(_named_by_calibration, scores.uncalibrated),
    Looked("scores that are no probabilities", scores.miscalibrated),
    Looked(
        "thresholds that differ between seeds", thresholds.thresholds, thresholds.has_thresholds
    ),
    Looked("best epochs at the end or the start of training", training.best_epochs),
)
"""The rules, the most important first."""


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
    for looked in RULES:
        if not looked.applies(evidence):
            continue
        diagnostics = looked.rule(evidence)
        found += diagnostics
        if not diagnostics:
            absent.append(looked.in_words(evidence))
    return Diagnostics(found, absent)

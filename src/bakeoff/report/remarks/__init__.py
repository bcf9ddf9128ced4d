"""What a careful reader would ask about: rules that look at the tables of a bake-off."""

from collections.abc import Callable
from dataclasses import dataclass

from bakeoff.report.evidence import Evidence
from bakeoff.report.remarks import calling, ranking, scores, training
from bakeoff.report.remarks.remark import Remark

__all__ = ["RULES", "Remark", "Remarks", "remark"]

Rule = Callable[[Evidence], list[Remark]]

RULES: tuple[tuple[str, Rule], ...] = (
    ("runs that diverged", training.diverged),
    ("rankings no better than guessing", ranking.guessing),
    ("scores that hardly move", scores.constant),
    ("runs that call every image the same", calling.one_class),
    ("gaps between validation and test beyond chance", ranking.validation_gap),
    ("perfect rankings", ranking.perfect),
    ("Brier scores worse than the majority's", scores.worse_brier),
    ("scores that are no probabilities", scores.miscalibrated),
    ("thresholds that differ between seeds", calling.thresholds),
    ("best epochs at the end or the start of training", training.best_epochs),
)
"""What is looked for, in the order in which it matters, and the rule that finds it."""


@dataclass(frozen=True)
class Remarks:
    """What was found, and what was looked for without finding it."""

    found: list[Remark]
    absent: list[str]


def remark(evidence: Evidence) -> Remarks:
    """Every rule's remarks, worst first; nothing is looked for where no run has finished an epoch."""
    if not any(run.finished or len(run.history) or run.log_tail for run in evidence.runs):
        return Remarks([], [])
    found, absent = [], []
    for name, rule in RULES:
        remarks = rule(evidence)
        found += remarks
        if not remarks:
            absent.append(name)
    return Remarks(found, absent)

"""A diagnostic: something in the tables that a careful reader would ask about."""

from collections.abc import Sequence
from dataclasses import dataclass

from bakeoff.report.numbers import NAMED, listing


@dataclass(frozen=True)
class Diagnostic:
    """What was seen, with its numbers; what it may mean; what to do about it."""

    seen: str
    meaning: str
    advice: str


@dataclass(frozen=True)
class Case:
    """A variant for which a rule found something: how much, and its numbers in words."""

    variant: str
    size: float
    words: str


def worst_first(cases: Sequence[Case]) -> str:
    """The cases, the largest first: a (0.61 to 0.70), b (0.66 to 0.71) and 3 more."""
    ordered = sorted(cases, key=lambda case: -case.size)
    if len(cases) > 1 and len({case.words for case in cases}) == 1:
        return f"{listing([case.variant for case in ordered], NAMED)} (each {cases[0].words})"
    return listing([f"{case.variant} ({case.words})" for case in ordered], NAMED)

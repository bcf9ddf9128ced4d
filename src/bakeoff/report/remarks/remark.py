"""A remark: what the tables show that a careful reader would ask about."""

from collections.abc import Sequence
from dataclasses import dataclass

from bakeoff.report.numbers import NAMED, listing


@dataclass(frozen=True)
class Remark:
    """What is seen, with its numbers; what it may mean; what to do about it."""

    seen: str
    meaning: str
    advice: str


@dataclass(frozen=True)
class Case:
    """A variant of which a rule found something: how far it goes, and its numbers in words."""

    variant: str
    size: float
    words: str


def worst_first(cases: Sequence[Case]) -> str:
    """Those named first of which it holds most: a (0.61 to 0.70), b (0.66 to 0.71) and 3 more."""
    ordered = sorted(cases, key=lambda case: -case.size)
    if len(cases) > 1 and len({case.words for case in cases}) == 1:
        return f"{listing([case.variant for case in ordered], NAMED)} (each {cases[0].words})"
    return listing([f"{case.variant} ({case.words})" for case in ordered], NAMED)

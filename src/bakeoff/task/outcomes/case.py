"""How one image came out, and the score that tells why."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    """An image by how it came out for one of its labels, with the score that tells why."""

    row: int
    outcome: (
        str  # what it shares with others: "true positive", "steak, called wrong", "Mass missed"
    )
    words: str  # what is said of it alone: "steak, called pizza"; else the outcome
    score: int  # the position of that score among what is scored
    label: int  # 1 where the image is of that class, or has that finding, else 0
    truth: int | None = None  # the position of the class that the image is, where another is called


def cases_of(rows: Iterable[int], outcome: str, score: int, label: int) -> Iterator[Case]:
    """The rows as cases that differ in nothing else."""
    return (Case(int(row), outcome, outcome, score, label) for row in rows)

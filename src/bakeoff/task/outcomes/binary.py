"""The four outcomes of a binary task."""

from collections.abc import Iterator, Mapping

import numpy as np

from bakeoff.task.binary import BinaryTask
from bakeoff.task.classification import Labels, Scores
from bakeoff.task.outcomes.alike import Alike
from bakeoff.task.outcomes.case import Case, cases_of
from bakeoff.task.outcomes.outcomes import Outcomes

OUTCOMES = (
    ("true positive", 1, 1),
    ("false negative", 1, 0),
    ("false positive", 0, 1),
    ("true negative", 0, 0),
)
"""The outcomes by name, each with its label and what is called."""


class BinaryOutcomes(Outcomes):
    """Of class 1, whose score explains them all."""

    adds_up = True

    def __init__(self, task: BinaryTask) -> None:
        super().__init__(task)
        self.negative, self.positive = task.classes

    def cases(self, labels: Labels, called: Labels) -> list[Iterator[Case]]:
        """All four."""
        return [
            cases_of(np.flatnonzero((labels == label) & (called == as_)), outcome, 0, label)
            for outcome, label, as_ in OUTCOMES
        ]

    def alike(
        self, labels: Labels, scores: Scores, thresholds: Mapping[str, float]
    ) -> Iterator[Alike]:
        """Both classes, called right and wrong."""
        calls = self.task.called(scores, thresholds)
        for label, called in ((1, 1), (1, 0), (0, 0), (0, 1)):
            names = self.task.classes
            yield Alike(
                f"{names[label]}, called {names[called]}",
                (labels == label) & (calls == called),
                scores,
                scores if called else -scores,
            )

    @property
    def shown(self) -> str:
        """All four."""
        return "of each outcome"

    def by_name(self, scores: Scores) -> list[dict[str, float]]:
        """Of both classes."""
        return [{self.positive: score, self.negative: 1 - score} for score in scores.tolist()]

    def names_of(self, labels: Labels) -> list[tuple[str, ...]]:
        """The name of each row's class."""
        return [((self.negative, self.positive)[label],) for label in labels]

    @property
    def first_label(self) -> str:
        """Its class."""
        return f"decides between the classes, {self.negative} and {self.positive}"

"""The outcomes of a multilabel task: each finding found, missed, and called where it is not."""

from collections.abc import Iterator, Mapping
from functools import partial

import numpy as np

from bakeoff.task.classification import Labels, Scores
from bakeoff.task.labels import SEPARATOR
from bakeoff.task.outcomes.alike import Alike
from bakeoff.task.outcomes.case import Case, cases_of
from bakeoff.task.outcomes.outcomes import Outcomes

MOST_SHOWN = 4  # findings of which images are shown


class MultilabelOutcomes(Outcomes):
    """Of each finding, whose own score explains them; an image has one for each."""

    adds_up = False

    def cases(self, labels: Labels, called: Labels) -> list[Iterator[Case]]:
        """Of the most frequent findings; of equal ones the first."""
        frequent = np.argsort(-labels.sum(axis=0), kind="stable")[:MOST_SHOWN]
        groups = []
        for at in sorted(frequent.tolist()):
            there, found = labels[:, at] > 0, called[:, at] > 0
            for rows, word, label in (
                (there & found, "found", 1),
                (there & ~found, "missed", 1),
                (~there & found, "called, not there", 0),
            ):
                outcome = f"{self.task.scored[at]} {word}"
                groups.append(cases_of(np.flatnonzero(rows), outcome, at, label))
        return groups

    def alike(
        self, labels: Labels, scores: Scores, thresholds: Mapping[str, float]
    ) -> Iterator[Alike]:
        """Of each finding where it was called, rightly and wrongly, and where it was missed."""
        calls = self.task.called(scores, thresholds)
        for at, name in enumerate(self.task.classes):
            for there, called, room in ((1, 1, 2), (0, 1, 1), (1, 0, 1)):
                said = "called" if called else "not called"
                yield Alike(
                    name,
                    (labels[:, at] == there) & (calls[:, at] == called),
                    scores[:, at],
                    scores[:, at] if called else -scores[:, at],
                    room=room,
                    said=partial(self._said, said, labels),
                    of=name,
                    wrong=there != called,
                )

    def _said(self, called: str, labels: Labels, i: int) -> str:
        (names,) = self.task.in_words(labels[i : i + 1])
        return f"{called}, has {names.replace(SEPARATOR, ', ')}"

    @property
    def shown(self) -> str:
        """All findings, or some where there are many."""
        findings = "each finding"
        if len(self.task.scored) > MOST_SHOWN:
            findings = f"each of the {MOST_SHOWN} findings that most test images have"
        return f"of {findings}, found, missed, and called where it is not,"

    def by_name(self, scores: Scores) -> list[dict[str, float]]:
        """Of every finding."""
        return [dict(zip(self.task.scored, row, strict=True)) for row in scores.tolist()]

    def names_of(self, labels: Labels) -> list[tuple[str, ...]]:
        """The findings of each row."""
        names = np.asarray(self.task.scored, dtype=object)
        return [tuple(names[row > 0]) for row in labels]

    @property
    def first_label(self) -> str:
        """A finding, or the end."""
        return "is a finding, or says that there is none"

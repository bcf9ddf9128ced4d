"""The outcomes of a multiclass task: each class called right, and called wrong."""

from collections.abc import Iterator, Mapping
from functools import partial

import numpy as np
from numpy.typing import NDArray

from bakeoff.task.classification import Labels, Scores
from bakeoff.task.outcomes.alike import Alike
from bakeoff.task.outcomes.case import Case, cases_of
from bakeoff.task.outcomes.outcomes import Outcomes

MOST_SHOWN = 6  # classes of which images are shown


class MulticlassOutcomes(Outcomes):
    """Of each class; the score of what is called explains them."""

    adds_up = True

    def cases(self, labels: Labels, called: Labels) -> list[Iterator[Case]]:
        """Right and wrong ones of each class.

        Of many classes those of which the largest share is called wrong, of equal ones the rarer.
        """
        names = self.task.scored
        count = np.bincount(labels, minlength=len(names))
        wrong = np.bincount(labels[labels != called], minlength=len(names)) / np.maximum(count, 1)
        ranked = sorted(range(len(names)), key=lambda at: (-wrong[at], count[at]))
        groups = []
        for at in sorted(ranked[:MOST_SHOWN]):
            right = np.flatnonzero((labels == at) & (called == at))
            groups.append(cases_of(right, f"{names[at]}, called right", at, 1))
            groups.append(self._wrong(at, np.flatnonzero((labels == at) & (called != at)), called))
        return groups

    def _wrong(self, at: int, rows: NDArray[np.int64], called: Labels) -> Iterator[Case]:
        names = self.task.scored
        for row in rows.tolist():
            other = int(called[row])
            words = f"{names[at]}, called {names[other]}"
            yield Case(row, f"{names[at]}, called wrong", words, other, 0, truth=at)

    def alike(
        self, labels: Labels, scores: Scores, thresholds: Mapping[str, float]
    ) -> Iterator[Alike]:
        """Of each class what was called so, rightly and wrongly."""
        calls = self.task.called(scores, thresholds)
        for at, name in enumerate(self.task.classes):
            for right in (True, False):
                yield Alike(
                    f"called {name}",
                    (calls == at) & ((labels == at) == right),
                    scores[:, at],
                    scores[:, at],
                    room=2,
                    said=partial(self._said, name, labels),
                    of=name,
                    wrong=not right,
                )

    def _said(self, called: str, labels: Labels, i: int) -> str:
        return f"called {called}, is {self.task.classes[labels[i]]}"

    @property
    def shown(self) -> str:
        """All classes, or some where there are many."""
        classes = "each class"
        if len(self.task.scored) > MOST_SHOWN:
            classes = f"each of the {MOST_SHOWN} classes that are most often called wrong"
        return f"of {classes}, called right and called wrong,"

    def by_name(self, scores: Scores) -> list[dict[str, float]]:
        """Of every class."""
        return [dict(zip(self.task.scored, row, strict=True)) for row in scores.tolist()]

    def names_of(self, labels: Labels) -> list[tuple[str, ...]]:
        """The name of each row's class."""
        return [(self.task.scored[label],) for label in labels]

    @property
    def first_label(self) -> str:
        """The class."""
        return "is the class"

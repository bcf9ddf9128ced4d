"""The choice of a few fixed test images of each outcome, independent of what the pictures show."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bakeoff.evaluation.predictions import Predictions
from bakeoff.task.classification import ClassificationTask
from bakeoff.task.outcomes import Case, outcomes_of

MOST = 12  # images in all, or one of each outcome

RULE = "{} those whose names' SHA-256 is smallest, whatever their score"


@dataclass(frozen=True)
class Chosen:
    """A test image, how it came out, and the score that is explained: a probability, and whose it is."""

    name: str
    case: Case
    score: float
    of: str  # the class or finding whose score that is

    @property
    def outcome(self) -> str:
        """How it came out, as others did."""
        return self.case.outcome

    @property
    def title(self) -> str:
        """How it came out and its score, for above a picture."""
        return f"{self.case.words.replace('_', ' ')}, {self.score:.2f}"

    def as_json(self) -> dict[str, Any]:
        """Its entry in the index: `score` is that of `of`, `label` 1 where the image is or has that."""
        return {
            "name": self.name,
            "label": self.case.label,
            "score": self.score,
            "outcome": self.outcome,
            "of": self.of,
        }


def rule(task: ClassificationTask) -> str:
    """How the images are chosen, in words."""
    return RULE.format(outcomes_of(task).shown)


def choose(test: Predictions, thresholds: Mapping[str, float], each: int) -> list[Chosen]:
    """At most `each` images of every outcome of the task, given its thresholds by name.

    Of many outcomes fewer, MOST images in all, but one at least. The rule orders images by a digest of
    their names: the same images come first for every model, and no person picks them. An image that
    came out in several ways, one for each of its findings, is shown again only where no other did.
    """
    digests = [hashlib.sha256(str(name).encode()).digest() for name in test.images]
    order = np.array(sorted(range(len(digests)), key=digests.__getitem__))
    called = test.task.called(test.scores, thresholds)
    outcomes = outcomes_of(test.task).cases(test.labels[order], called[order])
    each = min(each, max(1, MOST // len(outcomes)))
    taken: set[int] = set()
    chosen = []
    for outcome in outcomes:
        new = sorted(outcome, key=lambda case: case.row in taken)[:each]
        taken.update(case.row for case in new)
        chosen += [_chosen(test, replace(case, row=int(order[case.row]))) for case in new]
    return chosen


def _chosen(test: Predictions, case: Case) -> Chosen:
    scores = test.scores[case.row].reshape(-1)
    name = str(test.images[case.row])
    return Chosen(name, case, float(scores[case.score]), test.task.scored[case.score])

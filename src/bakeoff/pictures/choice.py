"""The choice of a few fixed test images of each outcome, independent of what the pictures show."""

import hashlib
from dataclasses import dataclass
from typing import Literal

from bakeoff.evaluation.predictions import Predictions

Outcome = Literal["true positive", "false negative", "false positive", "true negative"]

OUTCOMES: tuple[Outcome, ...] = (
    "true positive",
    "false negative",
    "false positive",
    "true negative",
)

RULE = "of each outcome those whose names' SHA-256 is smallest, whatever their score"


@dataclass(frozen=True)
class Chosen:
    """A test image with its label, its score, and which of the four outcomes that is."""

    name: str
    label: int  # 0 or 1
    score: float  # P(class 1)
    outcome: Outcome

    @property
    def title(self) -> str:
        """Outcome and score, for above a picture."""
        return f"{self.outcome}, {self.score:.2f}"


def choose(test: Predictions, threshold: float, each: int) -> list[Chosen]:
    """At most `each` images of every outcome, in the order of OUTCOMES; score >= threshold predicts class 1.

    The rule orders images by a digest of their names: the same images come first for every model, and
    no person picks them.
    """
    images = [
        Chosen(
            str(name), int(label), float(score), outcome_of(int(label), bool(score >= threshold))
        )
        for name, label, score in zip(test.images, test.labels, test.scores, strict=True)
    ]
    images.sort(key=lambda image: hashlib.sha256(image.name.encode()).digest())
    chosen = []
    for outcome in OUTCOMES:
        chosen += [image for image in images if image.outcome == outcome][:each]
    return chosen


def outcome_of(label: int, predicted: bool) -> Outcome:
    """The outcome of an image with `label` 0 or 1 that the model predicts as 1, or 0."""
    if label:
        return "true positive" if predicted else "false negative"
    return "false positive" if predicted else "true negative"

"""The names of the two classes in reports and logs: those of the label table."""

from collections.abc import Sequence
from dataclasses import dataclass

MOST_LISTED = 16  # labels named one by one where a class has several


@dataclass(frozen=True)
class ClassNames:
    """The names of class 0 and class 1, and the labels of a class that has several."""

    negative: str = "negative"
    positive: str = "positive"
    meaning: str = ""  # "positive is any of a, b and c" where a class has several labels

    @classmethod
    def of(cls, negative: Sequence[str], positive: Sequence[str]) -> "ClassNames":
        """The classes of a table with these labels: a class with a single label is called by it.

        A class with several labels is called "negative" or "positive", and `meaning` lists them.
        """
        sides = {"negative": tuple(negative), "positive": tuple(positive)}
        meanings = [
            f"{side} is any of {', '.join(labels[:MOST_LISTED])}"
            + (f" and {len(labels) - MOST_LISTED} more" if len(labels) > MOST_LISTED else "")
            for side, labels in sides.items()
            if len(labels) > 1
        ]
        return cls(
            _name(sides["negative"], "negative"),
            _name(sides["positive"], "positive"),
            "; ".join(meanings),
        )

    def outcome(self, label: int, called: int) -> str:
        """The true and the predicted class in words: "crack, called sound"."""
        names = (self.negative, self.positive)
        return f"{names[label]}, called {names[called]}"


def _name(labels: Sequence[str], side: str) -> str:
    if len(labels) != 1:
        return side
    # A bare 1 between other figures reads as one of them.
    return labels[0] if not labels[0].strip().isdigit() else f"class {labels[0].strip()}"

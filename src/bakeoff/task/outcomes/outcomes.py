"""What is said of single images: how they came out, which are shown, their labels and scores by name."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import ClassVar

from bakeoff.task.classification import ClassificationTask, Labels, Scores
from bakeoff.task.outcomes.alike import Alike
from bakeoff.task.outcomes.case import Case


class Outcomes(ABC):
    """The outcomes of one task, over labels and scores as `ClassificationTask` has them."""

    adds_up: ClassVar[bool]  # whether the scores of an image, as `by_name` has them, sum to 1

    def __init__(self, task: ClassificationTask) -> None:
        self.task = task

    @abstractmethod
    def cases(self, labels: Labels, called: Labels) -> list[Iterator[Case]]:
        """For each outcome that is shown, the rows that came out so, in their order."""

    @abstractmethod
    def alike(
        self, labels: Labels, scores: Scores, thresholds: Mapping[str, float]
    ) -> Iterator[Alike]:
        """The right and the wrong calls, given the model's thresholds, for showing the surest of them."""

    @property
    @abstractmethod
    def shown(self) -> str:
        """Which outcomes those are, for sentences: "of each outcome"."""

    @abstractmethod
    def by_name(self, scores: Scores) -> list[dict[str, float]]:
        """The scores of each row by name, with those that follow from them."""

    @abstractmethod
    def names_of(self, labels: Labels) -> list[tuple[str, ...]]:
        """The names, as `by_name` has them, of what each row is or has, or is called."""

    @property
    @abstractmethod
    def first_label(self) -> str:
        """What the first label says that a model emits, for behind "the first label, which"."""

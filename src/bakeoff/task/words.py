"""A task in the report's words: what its labels, scores and calls are."""

from abc import ABC, abstractmethod

from bakeoff.task.binary import BinaryTask
from bakeoff.task.classification import ClassificationTask, Metric
from bakeoff.task.multiclass import MulticlassTask
from bakeoff.task.multilabel import MultilabelTask
from bakeoff.wording import listed

AUROC = Metric("auroc", "AUROC", chance=0.5)
AVERAGE_PRECISION = Metric("average_precision", "average precision")


class Words(ABC):
    """What the report says of a task of one kind."""

    each: tuple[Metric, ...] = ()  # the figures of each class or finding, where there are several
    thresholds: bool = True  # whether a score is compared with a threshold

    def __init__(self, task: ClassificationTask) -> None:
        self.task = task

    @property
    @abstractmethod
    def labels(self) -> str:
        """A sentence that names what is told apart."""

    @property
    @abstractmethod
    def calls(self) -> str:
        """What an image is called, and what the metrics of that are; sentences below their table."""

    @property
    @abstractmethod
    def prior(self) -> str:
        """What the majority baseline gives every image."""

    @property
    @abstractmethod
    def probability(self) -> str:
        """Of what a score is the estimated probability."""

    @property
    def rest(self) -> str:
        """What each class or finding is told from."""
        return "all others"


class BinaryWords(Words):
    """The two classes by name."""

    @property
    def labels(self) -> str:
        """With the values that they have in tables."""
        negative, positive = self.task.classes
        meaning = f"; {self.task.meaning}" if self.task.meaning else ""
        return f"The classes: {positive} (1) and {negative} (0){meaning}."

    @property
    def calls(self) -> str:
        """At the threshold."""
        negative, positive = self.task.classes
        return (
            "Accuracy, sensitivity and specificity are at the threshold of highest Youden's J on "
            f"validation; sensitivity is the share of {positive} that is called so, specificity the share "
            f"of {negative}."
        )

    @property
    def prior(self) -> str:
        """A single number."""
        return "the prevalence of train"

    @property
    def probability(self) -> str:
        """Class 1."""
        return self.task.scored[0]


class MulticlassWords(Words):
    """Every class against all others."""

    thresholds = False
    each = (AUROC, AVERAGE_PRECISION, Metric("recall", "recall"), Metric("precision", "precision"))

    @property
    def labels(self) -> str:
        """In their order."""
        return f"The classes: {listed(self.task.classes)}."

    @property
    def calls(self) -> str:
        """The highest score."""
        return (
            "An image is called what it has the highest score for. Balanced accuracy is the mean of the "
            "classes' recalls; macro AUROC, each class against all others, and macro F1 are means over "
            "classes, too."
        )

    @property
    def prior(self) -> str:
        """A number for each class."""
        return "each class's share of train"

    @property
    def probability(self) -> str:
        """The class that was called."""
        return "the class that it calls"


class MultilabelWords(Words):
    """Every finding by itself."""

    each = (
        AUROC,
        AVERAGE_PRECISION,
        Metric("sensitivity", "sensitivity"),
        Metric("specificity", "specificity"),
    )

    @property
    def labels(self) -> str:
        """With what stands for none of them."""
        none = [name for name in self.task.as_json()["none"] if name]
        rest = f"; an image may have several of them, or none ({listed(none)})" if none else ""
        return f"The findings: {listed(self.task.classes)}{rest}."

    @property
    def calls(self) -> str:
        """At a threshold for each."""
        return (
            "Macro figures are means over the findings that some test images have and others have not. "
            "Accuracy is over all findings of all images; each finding is called at its own threshold of "
            "highest Youden's J on validation."
        )

    @property
    def prior(self) -> str:
        """A number for each finding."""
        return "each finding's share of train"

    @property
    def probability(self) -> str:
        """The finding."""
        return "the finding"

    @property
    def rest(self) -> str:
        """An image may have several findings."""
        return "the images without it"


_WORDS: dict[str, type[Words]] = {
    BinaryTask.kind: BinaryWords,
    MulticlassTask.kind: MulticlassWords,
    MultilabelTask.kind: MultilabelWords,
}


def words_of(task: ClassificationTask) -> Words:
    """What the report says of a task."""
    return _WORDS[task.kind](task)

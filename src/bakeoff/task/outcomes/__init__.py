"""What is said of single images, and which of them are shown; one module per kind of task."""

from bakeoff.task.binary import BinaryTask
from bakeoff.task.classification import ClassificationTask
from bakeoff.task.multiclass import MulticlassTask
from bakeoff.task.multilabel import MultilabelTask
from bakeoff.task.outcomes.alike import Alike
from bakeoff.task.outcomes.binary import BinaryOutcomes
from bakeoff.task.outcomes.case import Case
from bakeoff.task.outcomes.multiclass import MulticlassOutcomes
from bakeoff.task.outcomes.multilabel import MultilabelOutcomes
from bakeoff.task.outcomes.outcomes import Outcomes

_OUTCOMES: dict[str, type[Outcomes]] = {
    BinaryTask.kind: BinaryOutcomes,
    MulticlassTask.kind: MulticlassOutcomes,
    MultilabelTask.kind: MultilabelOutcomes,
}


def outcomes_of(task: ClassificationTask) -> Outcomes:
    """How the images of a task come out."""
    return _OUTCOMES[task.kind](task)


__all__ = ["Alike", "Case", "Outcomes", "outcomes_of"]

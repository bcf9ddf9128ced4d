"""What is computed from labels and scores: metrics, thresholds, baselines; one module per kind of task."""

from bakeoff.task.binary import BinaryTask
from bakeoff.task.classification import ClassificationTask
from bakeoff.task.measures.binary import BinaryMeasures
from bakeoff.task.measures.measures import Measures, units_of_sides
from bakeoff.task.measures.multiclass import MulticlassMeasures
from bakeoff.task.measures.multilabel import MultilabelMeasures
from bakeoff.task.multiclass import MulticlassTask
from bakeoff.task.multilabel import MultilabelTask

_MEASURES: dict[str, type[Measures]] = {
    BinaryTask.kind: BinaryMeasures,
    MulticlassTask.kind: MulticlassMeasures,
    MultilabelTask.kind: MultilabelMeasures,
}


def measures_of(task: ClassificationTask) -> Measures:
    """What is measured in a task."""
    return _MEASURES[task.kind](task)


__all__ = ["Measures", "measures_of", "units_of_sides"]

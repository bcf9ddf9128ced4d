"""Where too few test patients are of a class for an interval: the words that stand in its place.

The page says it, too, because a metrics.json of an earlier version has an interval of however few.
"""

from collections.abc import Sequence

from bakeoff.evaluation.metrics import too_few
from bakeoff.report.evidence import Evidence, RunEvidence
from bakeoff.task.classification import ClassificationTask, Metric
from bakeoff.task.measures import measures_of, units_of_sides

TOO_FEW = "too few"


def rarities(run: RunEvidence, task: ClassificationTask) -> dict[str, str]:
    """The classes or findings whose rankings can have no interval, each with the words and its counts."""
    if run.test is None:
        return {}
    found = {}
    for view in task.one_vs_rest(run.test.labels, run.test.scores):
        sides = units_of_sides(view.labels, run.test.units)
        if too_few(sides):
            found[view.name] = in_words(sides, run.test.unit_count)
    return found


def rarity(evidence: Evidence, metric: Metric) -> str:
    """The words for a metric of the whole test split; empty where there are enough."""
    for _, runs in evidence.finished():
        for test, _ in evidence.tests_of(runs):
            sides = measures_of(test.task).sides(metric.name, test.labels, test.units)
            return in_words(sides, test.unit_count) if too_few(sides) else ""
    return ""


def in_words(sides: Sequence[int], units: int) -> str:
    """`too few: 1 of 120`, of the units that have it and those that do not the rarer ones."""
    ill, well = sides
    return f"{TOO_FEW}: {min(sides)} of {units}" + (" without it" if well < ill else "")

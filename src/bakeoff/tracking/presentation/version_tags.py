"""The tags of a registered model's version that say what it answers, and by which metric it was chosen."""

import json
from collections.abc import Mapping
from contextlib import suppress

from bakeoff.task.binary import BinaryTask
from bakeoff.task.classification import ClassificationTask, Metric
from bakeoff.task.kinds import task_of

TASK, METRIC = "task", "metric"


def mean_of(metric: Metric) -> str:
    """The tag with the mean test figure of the version's variant; a column of comparison.csv, too."""
    return f"test_{metric.name}_mean"


def tags_of(task: ClassificationTask, metric: Metric) -> dict[str, str]:
    """The tags of a version that answers `task` and was chosen by `metric`."""
    return {TASK: json.dumps(task.as_json()), METRIC: metric.name}


def task_in(tags: Mapping[str, str]) -> ClassificationTask:
    """What a version answers; earlier versions of bakeoff knew binary tasks only, and did not say it."""
    with suppress(ValueError, TypeError, AttributeError):  # a person may write tags, too
        return task_of(json.loads(tags[TASK])) if TASK in tags else BinaryTask()
    return BinaryTask()


def metric_in(tags: Mapping[str, str]) -> Metric:
    """The metric that a version was chosen by; AUROC in earlier versions of bakeoff."""
    task = task_in(tags)
    with suppress(ValueError):
        return task.metric(tags.get(METRIC))
    return task.metric()

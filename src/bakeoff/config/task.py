"""The task of a configuration: its labels put where the data's are, and the training that fits it."""

from collections.abc import Mapping
from typing import Any

from bakeoff.config.schema import Data, Task, Training
from bakeoff.errors import ConfigError
from bakeoff.models.catalogue import unfit
from bakeoff.task.classification import ClassificationTask

SIDES = ("negative", "positive")


def with_task(data: Data, task: Task, source: str) -> Data:
    """The data with the section `task`; `task.negative` and `task.positive` are `data.negative` and so on.

    Raises ConfigError, naming the file `source`, where both places give labels, and they differ.
    """
    if "task" in data.model_fields_set:
        raise ConfigError(f"{source}: data.task: 'task' is a section of its own, beside 'data'.")
    sides = {key: getattr(task, key) for key in SIDES if getattr(task, key) is not None}
    for key, labels in sides.items():
        if key in data.model_fields_set and getattr(data, key) != labels:
            raise ConfigError(
                f"{source}: task.{key}: {list(labels)}, but data.{key} is {list(getattr(data, key))}. "
                "Write it in one of the two places."
            )
    both = {key: sides.get(key, getattr(data, key)) for key in SIDES}
    if twice := sorted(set(both["negative"]) & set(both["positive"])):
        raise ConfigError(f"{source}: task: labels {twice} are both negative and positive.")
    described = data.model_copy(
        update={**sides, "task": task.model_copy(update=dict.fromkeys(SIDES))}
    )
    if problem := described.written_task.problem:
        raise ConfigError(f"{source}: task.{problem}.")
    return described


def fit_training(task: ClassificationTask) -> Mapping[str, Any]:
    """The keys of `training` whose defaults are another task's."""
    usual = {"loss": task.losses[0], "select_on": task.select_on}
    return {
        key: value for key, value in usual.items() if Training.model_fields[key].default != value
    }


def require_fit(task: ClassificationTask, model: str, training: Training, where: str) -> None:
    """Raise ConfigError, for the variant at `where`, unless its model, loss and select_on fit the task."""
    if reason := unfit(model, task.scored_as):
        raise ConfigError(f"{where}.model: model '{model}' {reason}.")
    try:
        task.require_loss(training.loss)
    except ValueError as error:
        raise ConfigError(f"{where}.training.loss: {error}.") from None
    try:
        task.selection(training.select_on)
    except ValueError as error:
        raise ConfigError(f"{where}.training.select_on: {error}.") from None

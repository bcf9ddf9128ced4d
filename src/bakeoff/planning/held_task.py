"""Refuses to work in a results folder that holds another kind of task: it would be trained over."""

from bakeoff.config.experiment import Experiment
from bakeoff.errors import ConfigError
from bakeoff.layout import Layout
from bakeoff.task.kinds import other_kind


def conflict(experiment: Experiment) -> str:
    """What a results folder holds that is not of its experiment's task, and the way out; else empty."""
    layout = Layout(experiment.root)
    held = other_kind(experiment.task, layout.audit)
    if held is None:
        return ""
    return (
        f"{layout.root}: holds results of another task, {held.in_short}; the configuration's is "
        f"{experiment.task.in_short}. Give it another name (experiment: NAME), or delete {layout.root} first."
    )


def require_same_task(experiment: Experiment) -> None:
    """Raise ConfigError where the results folder holds another kind of task."""
    if reason := conflict(experiment):
        raise ConfigError(reason)

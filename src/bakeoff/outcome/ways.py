"""The ways in which an experiment splits its data, as the hooks of the workflow go through them."""

from typing import NamedTuple

from bakeoff.config.experiment import Experiment


class Way(NamedTuple):
    """One of several ways, or what all of them say together.

    rules: what the names of its rules begin with; chosen: the options that choose it.
    """

    root: str
    rules: str
    chosen: str


def ways_of(experiment: Experiment) -> list[Way]:
    """Each way by itself, then all together; of data that is split one way, that one."""
    found = [
        Way(str(one.root), f"{one.split_as}_", f"--set split.part={one.split_as}")
        for one in experiment.parts
    ]
    return [*found, Way(str(experiment.root), "", "")]

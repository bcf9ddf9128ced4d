"""The ways in which an experiment splits its data, as the hooks of the workflow go through them."""

from typing import NamedTuple

from bakeoff.config.experiment import Experiment
from bakeoff.layout import Layout


class Way(NamedTuple):
    """One of several ways, or what all of them say together.

    rules: what the names of its rules begin with; chosen: the options that choose it; compared: what its
    rule `compare` makes.
    """

    root: str
    rules: str
    chosen: str
    compared: list[str]


def ways_of(experiment: Experiment) -> list[Way]:
    """Each way by itself, then all together; of data that is split one way, that one."""
    found = [
        Way(
            str(one.root),
            f"{one.split_as}_",
            f"--set split.part={one.split_as}",
            [str(Layout(one.root).comparison), str(Layout(one.root).conclusion)],
        )
        for one in experiment.parts
    ]
    layout = Layout(experiment.root)
    told = layout.overview if experiment.parts else layout.conclusion
    return [*found, Way(str(layout.root), "", "", [str(layout.comparison), str(told)])]

"""Names under which MLflow's pages show the params, tags and metrics of a journal."""

from collections.abc import Iterator, Mapping

from bakeoff.tracking.batches import Point
from bakeoff.tracking.journal.events import Metrics, Scalar

KNOWN_AT_THE_END = ("seconds", "finished")
"""Keys of run.json's provenance that are known only when a run has ended."""


def display_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Tags under bakeoff's names, and besides under those that MLflow's pages show.

    Keys of KNOWN_AT_THE_END are left out: at the beginning of a run, its duration is zero.
    """
    shown = {key: value for key, value in tags.items() if key not in KNOWN_AT_THE_END}
    if commit := tags.get("git_commit"):
        shown["mlflow.source.git.commit"] = commit
    if command := tags.get("command"):
        # The program and its stage only: the page shows what follows the last slash, even one in an option.
        shown["mlflow.source.name"] = " ".join(command.split()[:2])
    return shown


def display_params(params: Mapping[str, Scalar]) -> dict[str, str]:
    """Params as MLflow shows them, without those that were not set."""
    return {key: str(value) for key, value in params.items() if value is not None}


def points_of(event: Metrics) -> Iterator[Point]:
    """The points of curves, in MLflow's first section: `train_loss` becomes `epoch/train_loss`."""
    moment = round(event.time * 1000)
    for key, value in event.values.items():
        yield Point(key if "/" in key else f"epoch/{key}", value, moment, event.step)

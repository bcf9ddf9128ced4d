"""What a journal says in the words that MLflow's pages show."""

from collections.abc import Iterator, Mapping

from bakeoff.tracking.batches import Point
from bakeoff.tracking.journal.events import Metrics, Scalar

KNOWN_AT_THE_END = ("seconds", "finished")
"""Facts of run.json's provenance that a run has when it has ended; before, they are zero or nothing."""


def display_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Tags with the names beside bakeoff's own under which MLflow's pages have a place for them.

    What is known when the run has ended is left out: at its beginning, a duration is zero.
    """
    said = {key: value for key, value in tags.items() if key not in KNOWN_AT_THE_END}
    if commit := tags.get("git_commit"):
        said["mlflow.source.git.commit"] = commit
    if command := tags.get("command"):
        # The program and its stage: the page shows what is behind the last slash, be it an option's.
        said["mlflow.source.name"] = " ".join(command.split()[:2])
    return said


def display_params(params: Mapping[str, Scalar]) -> dict[str, str]:
    """Params as MLflow shows them, without those that were not set."""
    return {key: str(value) for key, value in params.items() if value is not None}


def points_of(event: Metrics) -> Iterator[Point]:
    """The curves come in a section of their own, the first: `train_loss` is `epoch/train_loss`."""
    moment = round(event.time * 1000)
    for key, value in event.values.items():
        yield Point(key if "/" in key else f"epoch/{key}", value, moment, event.step)

"""What a run costs as MLflow metrics, in the section `cost/` of its charts."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from bakeoff.files import read_json
from bakeoff.layout import RunFolder
from bakeoff.tracking.journal.events import Event, RunStarted
from bakeoff.tracking.journal.hours import training_hours
from bakeoff.tracking.presentation.scores import over_seeds

RATE = "cost/images_per_second"
PLACE = ("gpu", "processor", "threads")
"""Keys of inference.json that tell where it was measured."""


def read_costs(folder: Path, events: Sequence[Event]) -> dict[str, float]:
    """The costs of a run from its inference.json and its journal; empty where it has none of these weights.

    A run of an earlier version has no inference.json: it is not sent again for its hours alone.
    """
    measured = _object(RunFolder(folder).inference)
    begun = next((event for event in events if isinstance(event, RunStarted)), None)
    if not measured or begun is None or measured.get("digest") != begun.digest:
        return {}
    record = _object(RunFolder(folder).run_json)
    hours = training_hours(events, record)
    found = {
        "cost/multiply_adds": measured.get("multiply_adds"),
        RATE: measured.get("images_per_second"),
        f"cost/{hours.unit.lower()}_hours": hours.value,
    }
    return {name: float(value) for name, value in found.items() if isinstance(value, int | float)}


def costs_over_seeds(
    folders: Sequence[Path], seeds: Sequence[Mapping[str, float]]
) -> dict[str, float]:
    """The mean of each cost that every seed has: images per second only of one kind of machine."""
    if not seeds:
        return {}
    places = {tuple(map(str, map(_object(RunFolder(f).inference).get, PLACE))) for f in folders}
    means = over_seeds(seeds)
    return {
        name: value
        for name, value in means.items()
        if name in seeds[0] and (name != RATE or len(places) == 1)
    }


def _object(file: Path) -> dict[str, Any]:
    with suppress(OSError, ValueError):
        content = read_json(file)
        if isinstance(content, dict):
            return content
    return {}

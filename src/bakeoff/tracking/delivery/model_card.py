"""Writes the descriptions of a registered model and its versions: what they are, how to load them."""

from pathlib import Path

from bakeoff.files import read_json, sha256
from bakeoff.layout import Layout
from bakeoff.tracking.delivery.comparison import RECORD
from bakeoff.tracking.delivery.cursor import Cursor
from bakeoff.tracking.mlflow.model_registry import Registry
from bakeoff.tracking.mlflow.runs import live_run
from bakeoff.tracking.mlflow.store import Store
from bakeoff.tracking.presentation.descriptions import ALIAS, MODEL, of_model, of_version

DESCRIBED = "champion described"
"""The cursor's key for the registered.json that was described; earlier versions used another."""


def describe_model(store: Store, model: str, experiment: str) -> None:
    """Describe a registered model, with the origin of its champion, and each of its versions.

    A version whose run is gone gets no description; one that a person has written stays.
    """
    registry = Registry(store)
    versions = registry.versions(model)
    runs = {version.number: live_run(store, version.run_id) for version in versions}
    if versions:
        champion = next((version for version in versions if ALIAS in version.aliases), None)
        run = runs[champion.number] if champion else None
        registry.describe(model, of_model(model, experiment, champion, run), earlier=MODEL)
    for version in versions:
        if (run := runs[version.number]) is not None:
            registry.describe_version(model, version, of_version(model, version, run))


def describe_registered(store: Store, results: Path, experiment: str) -> None:
    """Describe the model that registered.json names, if an earlier version of bakeoff has not."""
    file, record = Layout(results).registered, results / RECORD
    cursor = Cursor.load(record, str(store.address))
    if not file.exists() or cursor.extra.get(DESCRIBED) == (digest := sha256(file)):
        return
    if (model := read_json(file).get("model")) is not None:
        describe_model(store, model, experiment)
    cursor.extra[DESCRIBED] = digest
    cursor.save(record)

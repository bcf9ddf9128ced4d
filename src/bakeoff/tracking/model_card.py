"""The descriptions of a registered model and its versions: what they are, how they are loaded."""

from pathlib import Path

from bakeoff.files import read_json, sha256
from bakeoff.layout import Layout
from bakeoff.tracking.descriptions import of_model, of_version
from bakeoff.tracking.mlflow_store import Store
from bakeoff.tracking.outcomes import RECORD
from bakeoff.tracking.registry import Registry
from bakeoff.tracking.runs import present
from bakeoff.tracking.sent import Sent


def describe_model(store: Store, model: str, experiment: str) -> None:
    """Describe a registered model and each of its versions whose run is still there."""
    registry = Registry(store)
    versions = registry.versions(model)
    if versions:
        registry.describe(model, of_model(model, experiment))
    for version in versions:
        if (run := present(store, version.run_id)) is not None:
            registry.describe_version(model, version, of_version(model, version, run))


def describe_registered(store: Store, results: Path, experiment: str) -> None:
    """Describe the model that registered.json names, if an earlier version of bakeoff has not."""
    file, record = Layout(results).registered, results / RECORD
    sent = Sent.load(record, str(store.address))
    if not file.exists() or sent.extra.get("model") == (digest := sha256(file)):
        return
    if (model := read_json(file).get("model")) is not None:
        describe_model(store, model, experiment)
    sent.extra["model"] = digest
    sent.save(record)

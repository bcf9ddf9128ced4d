"""The experiment that runs are sent to: found by name, made where there is none."""

import re
from collections.abc import Mapping
from functools import partial

from bakeoff.errors import TrackingError
from bakeoff.tracking.mlflow.address import EMBEDDED_ARTIFACTS
from bakeoff.tracking.mlflow.health import UnavailableError
from bakeoff.tracking.mlflow.store import Store
from bakeoff.tracking.presentation.descriptions import of_experiment
from bakeoff.tracking.presentation.notes import NOTE, described
from bakeoff.tracking.presentation.scores import PRIMARY
from bakeoff.tracking.presentation.views import TAG, VARIANTS, saved_views
from bakeoff.tracking.records import StoredExperiment

SHOWN = {
    "mlflow.experimentKind": "custom_model_development",  # opens on its training runs
    "mlflow.experiment.primaryMetric.name": PRIMARY,  # has the first of the charts
    "mlflow.experiment.primaryMetric.greaterIsBetter": "True",
}
"""The experiment's tags by which MLflow's pages choose what they show."""


def find_or_create_experiment(store: Store, name: str) -> str:
    """The id of the experiment of that name; made where there is none, restored if deleted.

    It gets a description and the saved views that links name before its first run. Artifacts of
    an embedded store are in a folder beside its database.
    """
    client, ask = store.client, store.ask
    found = store.experiment(name)
    if found is None:
        location = None
        if (database := store.address.database) is not None:
            folder = re.sub(r"[^A-Za-z0-9_.-]+", "_", name)
            # "." and ".." would lead out of the folder.
            folder = folder if folder.strip(".") else "_"
            location = (database.parent / EMBEDDED_ARTIFACTS / folder).as_uri()
        try:
            ask(lambda: client.create_experiment(name, location, tags=SHOWN))
        except TrackingError:  # another sender was faster
            if store.experiment(name) is None:
                raise
        found = store.experiment(name)
        if found is None:
            raise UnavailableError(f"MLflow lost the experiment '{name}' as it was made.")
    if found.deleted:
        ask(partial(client.restore_experiment, found.id))
    wanted = dict(SHOWN)
    if f"{TAG}{VARIANTS}" not in found.tags:
        wanted |= saved_views(["model"], found.created)
    if not found.tags.get(NOTE):
        wanted |= described(found.tags, of_experiment(found.id, name, [], []))
    tag(store, found, wanted)
    return found.id


def find_experiment(store: Store, name: str) -> StoredExperiment | None:
    """The experiment of that name; None where there is none, or a deleted one."""
    found = store.experiment(name)
    return None if found is None or found.deleted else found


def tag(store: Store, experiment: StoredExperiment, wanted: Mapping[str, str]) -> None:
    """Set those tags of `wanted` that the experiment lacks or has with another value."""
    for key, value in wanted.items():
        if experiment.tags.get(key) != value:
            store.ask(partial(store.client.set_experiment_tag, experiment.id, key, value))

"""The experiment that runs are sent to: found by name, made where there is none."""

import re
from collections.abc import Mapping
from functools import partial

from bakeoff.errors import TrackingError
from bakeoff.task.binary import BinaryTask
from bakeoff.task.classification import Metric
from bakeoff.tracking.mlflow.address import EMBEDDED_ARTIFACTS
from bakeoff.tracking.mlflow.health import UnavailableError
from bakeoff.tracking.mlflow.store import Store
from bakeoff.tracking.presentation.descriptions import of_experiment
from bakeoff.tracking.presentation.metric_names import shown_as
from bakeoff.tracking.presentation.notes import NOTE, described
from bakeoff.tracking.presentation.views import TAG, VARIANTS, saved_views
from bakeoff.tracking.records import StoredExperiment

OPENS_ON_RUNS = {"mlflow.experimentKind": "custom_model_development"}
PRIMARY = "mlflow.experiment.primaryMetric.name"
GREATER = "mlflow.experiment.primaryMetric.greaterIsBetter"
"""The experiment's tags by which MLflow's pages choose what they show."""

FIRST = BinaryTask().metric()
"""The primary metric of experiments that do not say it."""


def shown_first(metric: Metric) -> dict[str, str]:
    """The tags of an experiment whose primary metric this is: it has the first of the charts."""
    return {PRIMARY: shown_as(metric), GREATER: str(metric.higher_is_better)}


def primary_in(tags: Mapping[str, str]) -> Metric:
    """The primary metric in an experiment's tags."""
    name = tags.get(PRIMARY, shown_as(FIRST)).partition("/")[2]
    return Metric(name, name, higher_is_better=tags.get(GREATER) != "False")


def find_or_create_experiment(store: Store, name: str, metric: Metric | None = None) -> str:
    """The id of the experiment of that name; made where there is none, restored if deleted.

    It gets a description and the saved views that links name before its first run, by the primary `metric`
    unless it has another. Artifacts of an embedded store are in a folder beside its database.
    """
    client, ask = store.client, store.ask
    shown = OPENS_ON_RUNS | shown_first(metric or FIRST)
    found = store.experiment(name)
    if found is None:
        location = None
        if (database := store.address.database) is not None:
            folder = re.sub(r"[^A-Za-z0-9_.-]+", "_", name)
            # "." and ".." would lead out of the folder.
            folder = folder if folder.strip(".") else "_"
            location = (database.parent / EMBEDDED_ARTIFACTS / folder).as_uri()
        try:
            ask(lambda: client.create_experiment(name, location, tags=shown))
        except TrackingError:  # another sender was faster
            if store.experiment(name) is None:
                raise
        found = store.experiment(name)
        if found is None:
            raise UnavailableError(f"MLflow lost the experiment '{name}' as it was made.")
    if found.deleted:
        ask(partial(client.restore_experiment, found.id))
    wanted = shown if PRIMARY not in found.tags else dict(OPENS_ON_RUNS)
    primary = primary_in({**wanted, **found.tags})
    if f"{TAG}{VARIANTS}" not in found.tags:
        wanted |= saved_views(["model"], found.created, primary)
    if not found.tags.get(NOTE):
        wanted |= described(found.tags, of_experiment(found.id, name, [], [], primary))
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

"""The experiment that runs are sent to: there is one of its name, and it opens on its runs."""

import re
from functools import partial

from bakeoff.errors import TrackingError
from bakeoff.tracking.address import EMBEDDED_ARTIFACTS
from bakeoff.tracking.mlflow_store import Store

TRAINING_RUNS = "custom_model_development"
"""The value of the experiment's tag with which MLflow's UI opens it on its training runs."""


def the_experiment(store: Store, name: str, note: str = "") -> str:
    """The id of the experiment of that name; made where there is none, brought back if deleted.

    `note` is its description. Artifacts of an embedded store are in a folder beside its database.
    """
    client, ask = store.client, store.ask
    found = ask(lambda: client.get_experiment_by_name(name))
    if found is None:
        location = None
        if (database := store.address.database) is not None:
            folder = re.sub(r"[^A-Za-z0-9_.-]+", "_", name)
            location = (database.parent / EMBEDDED_ARTIFACTS / folder).as_uri()
        try:
            made = ask(lambda: client.create_experiment(name, location))
        except TrackingError:  # another sender was faster
            found = ask(lambda: client.get_experiment_by_name(name))
            if found is None:
                raise
            made = found.experiment_id
        found = ask(lambda: client.get_experiment(made))
    identity = str(found.experiment_id)
    if found.lifecycle_stage == "deleted":
        ask(lambda: client.restore_experiment(identity))
    wanted = {"mlflow.experimentKind": TRAINING_RUNS} | (
        {"mlflow.note.content": note} if note else {}
    )
    for key, value in wanted.items():
        if found.tags.get(key) != value:
            ask(partial(client.set_experiment_tag, identity, key, value))
    return identity

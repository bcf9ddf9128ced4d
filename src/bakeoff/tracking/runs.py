"""Which MLflow run stands for what: found by its tags, made once even where two make it at once."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from bakeoff.errors import TrackingError
from bakeoff.tracking.batches import Batch
from bakeoff.tracking.events import Scalar
from bakeoff.tracking.mlflow_store import Store
from bakeoff.tracking.reachable import UnavailableError
from bakeoff.tracking.stored import StoredRun

PARENT = "mlflow.parentRunId"


def the_run(
    store: Store,
    experiment_id: str,
    identity: Mapping[str, str],
    name: str,
    started: float,
    tags: Mapping[str, str],
) -> StoredRun:
    """The one run with the tags `identity`, made with `tags` besides where there is none.

    Processes on different machines may make it at the same time: each looks again, all agree on
    the oldest, and what is too many goes to MLflow's trash. Raises TrackingError if a person
    deleted the run in MLflow.
    """
    found = store.find(experiment_id, identity)
    if not found:
        store.create(experiment_id, name, started, {**identity, **tags})
        found = store.find(experiment_id, identity)
    present = [run for run in found if not run.deleted]
    if not present:
        raise TrackingError(
            f"MLflow run {found[0].id} ({name}) was deleted in MLflow. Restore it there, or remove "
            "it for good with `mlflow gc`, then run `bakeoff sync` again."
        )
    _retire_others(store, present, identity, present[0].id)
    return present[0]


def keep_only(store: Store, experiment_id: str, identity: Mapping[str, str], run_id: str) -> None:
    """Retire what a request that was given up, and asked again, has made besides the run `run_id`."""
    present = [run for run in store.find(experiment_id, identity) if not run.deleted]
    _retire_others(store, present, identity, run_id)


def _retire_others(
    store: Store, runs: Sequence[StoredRun], identity: Mapping[str, str], kept: str
) -> None:
    for run in runs:
        if run.id != kept:
            with unless_gone(store, run.id):
                retire(store, run, tuple(identity), f"duplicate of {kept}")


def retire(store: Store, run: StoredRun, identity: Sequence[str], reason: str) -> None:
    """Move a run to MLflow's trash, without the tags that it was found by.

    So it is not taken for one that a person deleted.
    """
    store.log(run.id, Batch(tags=dict.fromkeys(identity, reason)))
    store.delete(run.id)


@contextmanager
def unless_gone(store: Store, run_id: str) -> Iterator[None]:
    """Let pass that MLflow refuses to write to a run because another process has just deleted it."""
    try:
        yield
    except UnavailableError:
        raise
    except TrackingError:
        if not store.get(run_id).deleted:
            raise


def params_digest(params: Mapping[str, Scalar]) -> str:
    """A short name for a set of params."""
    text = json.dumps(dict(params), sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def supersede(store: Store, experiment_id: str, identity: Mapping[str, str], by: StoredRun) -> None:
    """Mark the other runs with the tags `identity` as replaced by the run `by`."""
    for run in store.find(experiment_id, identity):
        if run.deleted:
            continue
        tags = {"superseded": "yes", "superseded_by": by.id}
        if run.id == by.id:  # what came back replaces what had replaced it
            tags = {"superseded": "no", "superseded_by": ""}
        with unless_gone(store, run.id):
            if run.id != by.id and run.status in ("RUNNING", "SCHEDULED"):
                store.status(run.id, "KILLED", by.started / 1000)
            if any(run.tags.get(key, "") != value for key, value in tags.items()):
                store.log(run.id, Batch(tags=tags))

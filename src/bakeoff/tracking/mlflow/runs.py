"""MLflow runs by identity: found by their tags, and made once even where two processes try at once."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager

from bakeoff.errors import TrackingError
from bakeoff.tracking.batches import Batch
from bakeoff.tracking.mlflow.health import UnavailableError
from bakeoff.tracking.mlflow.store import Store
from bakeoff.tracking.records import StoredRun

PARENT = "mlflow.parentRunId"
RETIRED = "retired"  # the tag of a run on its way into the trash
IDENTITIES = {
    "run": ("journal",),
    "pretraining": ("journal",),
    "baseline": ("kind", "variant"),
    "comparison": ("kind", "results"),
}


def find_or_create_run(
    store: Store,
    experiment_id: str,
    identity: Mapping[str, str],
    name: str,
    started: float,
    tags: Mapping[str, str],
) -> StoredRun:
    """The one run with the tags `identity`; where there is none, it is made with `tags` besides.

    Processes on different machines may make it at the same time: each looks again, all agree on the
    oldest, and duplicates go to MLflow's trash. Raises TrackingError if a person
    deleted the run in MLflow.
    """
    found = store.find(experiment_id, identity)
    if not found:
        store.create(experiment_id, name, started, {**identity, **tags})
        found = store.find(experiment_id, identity)
    if not found:  # another process has just deleted it as a duplicate of its own
        raise UnavailableError(f"MLflow lost the run {name} as it was made; it is made again.")
    present = [run for run in found if not run.deleted]
    if not present:
        raise TrackingError(
            f"MLflow run {found[0].id} ({name}) was deleted in MLflow. Restore it there, or remove "
            "it for good with `mlflow gc`, then run `bakeoff sync` again."
        )
    kept, *others = present
    for other in others:
        move_to_trash(store, other, tuple(identity), f"duplicate of {kept.id}")
    return kept


def move_to_trash(store: Store, run: StoredRun, identity: Sequence[str], reason: str) -> None:
    """Move a run to MLflow's trash, without the tags that it was found by.

    So it is not mistaken for one that a person deleted. `delete_duplicate_runs` finishes an interrupted move.
    """
    with tolerating_deletion(store, run.id):
        store.log(run.id, Batch(tags={**dict.fromkeys(identity, reason), RETIRED: "yes"}))
        store.delete(run.id)


def delete_duplicate_runs(store: Store, experiment_id: str, kept: Collection[str]) -> None:
    """Delete the runs with the same identity as one of the runs with the ids `kept`.

    They arise when a server that hung carries out a request that its client has given up and repeated.
    """
    present = [run for run in store.find(experiment_id, {}) if not run.deleted]
    known = {_identity(run): run.id for run in present if run.id in kept}
    for run in present:
        identity = _identity(run)
        if RETIRED in run.tags:
            with tolerating_deletion(store, run.id):
                store.delete(run.id)
        elif run.id != (same := known.get(identity, run.id)):
            move_to_trash(store, run, [key for key, _ in identity], f"duplicate of {same}")


def _identity(run: StoredRun) -> tuple[tuple[str, str], ...]:
    """The tags by which `find_or_create_run` found it; empty for a variant: see `send_variant`."""
    keys = IDENTITIES.get(run.tags.get("kind", ""), ())
    return tuple((key, run.tags.get(key, "")) for key in keys)


@contextmanager
def tolerating_deletion(store: Store, run_id: str) -> Iterator[None]:
    """Ignore MLflow's refusal to write to a run that another process has just deleted."""
    try:
        yield
    except UnavailableError:
        raise
    except TrackingError:
        if not is_deleted(store, run_id):
            raise


def is_deleted(store: Store, run_id: str) -> bool:
    """Whether a run is in the trash, or does not exist."""
    return live_run(store, run_id) is None


def live_run(store: Store, run_id: str) -> StoredRun | None:
    """The run with that id; None if it is in the trash, or does not exist."""
    try:
        run = store.get(run_id)
    except UnavailableError:
        raise
    except TrackingError:
        return None
    return None if run.deleted else run


def supersede(store: Store, experiment_id: str, identity: Mapping[str, str], by: StoredRun) -> None:
    """Mark the other runs with the tags `identity` as replaced by the run `by`."""
    for run in store.find(experiment_id, identity):
        if run.deleted:
            continue
        tags = {"superseded": "yes", "superseded_by": by.id}
        if (
            run.id == by.id
        ):  # a configuration that is used again replaces the one that had replaced it
            tags = {"superseded": "no", "superseded_by": ""}
        with tolerating_deletion(store, run.id):
            if run.id != by.id and run.status in ("RUNNING", "SCHEDULED"):
                store.status(run.id, "KILLED", by.started / 1000)
            if any(run.tags.get(key, "") != value for key, value in tags.items()):
                store.log(run.id, Batch(tags=tags))

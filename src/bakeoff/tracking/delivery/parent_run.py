"""The parent run of a variant in MLflow: found by its params, made once."""

import getpass
from collections.abc import Mapping

from bakeoff.errors import TrackingError
from bakeoff.tracking.batches import Batch
from bakeoff.tracking.journal.run_state import RunState
from bakeoff.tracking.mlflow.runs import find_or_create_run, supersede, tolerating_deletion
from bakeoff.tracking.mlflow.store import Store
from bakeoff.tracking.mlflow.variant_digest import params_digest, whole_digest
from bakeoff.tracking.presentation.display_names import display_params
from bakeoff.tracking.records import StoredRun

DIGEST = "params_digest"


def variant_run(
    store: Store, experiment_id: str, run_state: RunState, is_current: bool
) -> StoredRun:
    """The parent run of a variant with these params, made where there is none; seeds are its children."""
    run, params = run_state.run, run_state.variant_params
    if run is None:
        raise TrackingError("A journal without its first line has no variant.")
    place = {"kind": "variant", "variant": run.variant}
    identity = {**place, DIGEST: params_digest(params)}
    _adopt(store, experiment_id, {**place, DIGEST: whole_digest(params)}, identity[DIGEST])
    tags = {"superseded": "no", "mlflow.user": getpass.getuser()}
    parent = find_or_create_run(store, experiment_id, identity, run.variant, run.time, tags)
    while missing := {k: v for k, v in display_params(params).items() if k not in parent.params}:
        with tolerating_deletion(store, parent.id):
            store.log_batches(parent.id, params=missing)
            break
        parent = find_or_create_run(store, experiment_id, identity, run.variant, run.time, tags)
    if is_current:
        supersede(store, experiment_id, place, by=parent)
    return parent


def _adopt(store: Store, experiment_id: str, earlier: Mapping[str, str], digest: str) -> None:
    """Tag a parent run that an earlier version made with the digest of now."""
    if earlier[DIGEST] == digest:
        return
    for run in store.find(experiment_id, earlier):
        if not run.deleted:
            with tolerating_deletion(store, run.id):
                store.log(run.id, Batch(tags={DIGEST: digest}))

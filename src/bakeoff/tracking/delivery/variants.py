"""Updates a variant's parent run: the means over its seeds, of the final scores and of every curve."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

from bakeoff.layout import RunFolder
from bakeoff.tracking.batches import Batch, Point
from bakeoff.tracking.delivery.delivery import RunDelivery
from bakeoff.tracking.delivery.final_scores import log_scores
from bakeoff.tracking.delivery.parent_run import variant_run
from bakeoff.tracking.journal.events import Metrics
from bakeoff.tracking.journal.journal import read
from bakeoff.tracking.mlflow.runs import PARENT, move_to_trash
from bakeoff.tracking.mlflow.store import Store
from bakeoff.tracking.presentation.costs import costs_over_seeds, read_costs
from bakeoff.tracking.presentation.descriptions import of_variant
from bakeoff.tracking.presentation.display_names import points_of
from bakeoff.tracking.presentation.notes import described
from bakeoff.tracking.presentation.scores import over_seeds, read_scores
from bakeoff.tracking.records import StoredRun

CURVES = "curves"  # the tag with the digest of the mean curves that a parent run has


def send_variant(
    store: Store, experiment_id: str, seeds: Sequence[RunDelivery], *, is_current: bool
) -> None:
    """Update the parent run of these runs: status, final scores, and, at the end, mean curves.

    `is_current`: no later configuration of the variant has runs. MLflow keeps every value of a step that
    it was ever sent. So when a seed is added, which changes the mean curves, the variant gets a new parent
    run and the old one goes to MLflow's trash; so does a duplicate that two senders made at once.
    """
    parent = variant_run(store, experiment_id, seeds[0].run_state, is_current)
    _move(store, experiment_id, seeds, parent)
    states = [state for seed in seeds if (state := seed.run_state.state) is not None]
    statuses = [state.status for state in states]
    if set(statuses) == {"FINISHED"}:
        parent = _with_curves(store, experiment_id, parent, seeds, is_current=is_current)
    files = [file for seed in seeds if (file := seed.folder / "metrics.json").exists()]
    means = over_seeds([read_scores(file) for file in files])
    if any(parent.metrics.get(key) != value for key, value in means.items()):
        log_scores(store, parent.id, means, max(file.stat().st_mtime for file in files))
    _log_costs(store, parent, seeds)
    if tags := described(parent.tags, of_variant([seed.run_state for seed in seeds])):
        store.log(parent.id, Batch(tags=tags))
    if parent.status != (status := status_of_all(statuses)):
        store.status(parent.id, status, max(state.time for state in states))


def _log_costs(store: Store, parent: StoredRun, seeds: Sequence[RunDelivery]) -> None:
    """Log the mean costs of the seeds that evaluation has measured, where the parent has others."""
    folders = [seed.folder for seed in seeds if RunFolder(seed.folder).inference.exists()]
    costs = [
        read_costs(seed.folder, read(seed.journal)) for seed in seeds if seed.folder in folders
    ]
    means = costs_over_seeds(folders, costs)
    if any(parent.metrics.get(key) != value for key, value in means.items()):
        moment = max(RunFolder(folder).inference.stat().st_mtime for folder in folders)
        log_scores(store, parent.id, means, moment)


def status_of_all(statuses: Sequence[str]) -> str:
    """A variant runs while one of its seeds does, and has ended as the worst of them ended."""
    if {"RUNNING", "SCHEDULED"} & set(statuses):
        return "RUNNING"
    return next((bad for bad in ("FAILED", "KILLED") if bad in statuses), "FINISHED")


def mean_curves(journals: Sequence[Path]) -> list[Point]:
    """The mean of every curve at the steps that all journals have; a step's time is its latest."""
    values: dict[tuple[str, int], list[Point]] = defaultdict(list)
    for journal in journals:
        for event in read(journal):
            if isinstance(event, Metrics):
                for point in points_of(event):
                    values[point.key, point.step].append(point)
    return [
        Point(key, fmean(p.value for p in points), max(p.time for p in points), step)
        for (key, step), points in sorted(values.items())
        if len(points) == len(journals) and not key.startswith("system/")
    ]


def _with_curves(
    store: Store,
    experiment_id: str,
    parent: StoredRun,
    seeds: Sequence[RunDelivery],
    *,
    is_current: bool,
) -> StoredRun:
    """The parent run with the mean curves of these seeds: a new run where it has others, or only some."""
    curves = mean_curves([seed.journal for seed in seeds])
    digest = hashlib.sha256(repr(curves).encode()).hexdigest()[:12]
    begun = any(point.key in parent.metrics for point in curves)
    if parent.tags.get(CURVES, "" if begun else digest) != digest:
        move_to_trash(store, parent, ("kind", "variant", "params_digest"), "replaced")
        parent = variant_run(store, experiment_id, seeds[0].run_state, is_current)
        _move(store, experiment_id, seeds, parent)
    if CURVES not in parent.tags:
        store.log_batches(parent.id, curves)
        store.log(parent.id, Batch(tags={CURVES: digest}))  # only when all curves are there
    return parent


def _move(
    store: Store, experiment_id: str, seeds: Sequence[RunDelivery], parent: StoredRun
) -> None:
    """Make the children of these seeds' other parent runs children of this one."""
    for old in {seed.cursor.extra["parent"] for seed in seeds} - {parent.id}:
        for child in store.find(experiment_id, {PARENT: old}):
            if not child.deleted:
                store.log(child.id, Batch(tags={PARENT: parent.id}))
    for seed in seeds:
        if seed.cursor.extra["parent"] != parent.id:
            seed.move_below(parent)

"""Export and import of runs between MLflow servers, as plain files: CSV, JSON, and the artifacts as they are.

<folder>/experiment.json            {"format": 1, "name": "demo", "metric": {"name": "auroc", ...}}
<folder>/<run name>-<id>/run.json   name, status, times (ms), parent, tags, params, datasets
<folder>/<run name>-<id>/metrics.csv   key,step,time,value: every value, time in ms
<folder>/<run name>-<id>/artifacts/    as in MLflow

In a folder's name, a "-" replaces every character but letters, digits, spaces and "._+-".
"""

import csv
import io
import re
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bakeoff.errors import TrackingError
from bakeoff.files import read_json, write_json, write_text
from bakeoff.task.classification import Metric
from bakeoff.tracking.batches import Point
from bakeoff.tracking.delivery.experiment_page import describe_experiment
from bakeoff.tracking.journal.events import Dataset
from bakeoff.tracking.mlflow.address import Address
from bakeoff.tracking.mlflow.experiments import (
    FIRST,
    find_experiment,
    find_or_create_experiment,
    primary_in,
)
from bakeoff.tracking.mlflow.runs import PARENT, find_or_create_run
from bakeoff.tracking.mlflow.store import Store
from bakeoff.tracking.records import StoredRun

FORMAT = 1
LONGEST_NAME = 60  # characters of a run's name in its folder's; file systems take 255 bytes
ORIGIN = "exported_run"  # the tag that names a run's id in the MLflow that it came from


def export_runs(folder: Path, uri: str | None, experiment: str, *, force: bool = False) -> int:
    """Write every run of an experiment into `folder`; returns how many. Deleted runs are left out.

    A run of an earlier export is written again. Raises TrackingError where
    the folder holds another experiment.
    """
    described = folder / "experiment.json"
    if described.exists() and read_json(described).get("name") != experiment:
        raise TrackingError(
            f"{folder}: holds the export of '{read_json(described).get('name')}', not of "
            f"'{experiment}'. Choose another folder."
        )
    address = Address.resolve(uri, force=force)
    store = Store(address)
    if (found := find_experiment(store, experiment)) is None:
        raise TrackingError(f"MLflow at {address} has no experiment '{experiment}'.")
    runs = [run for run in store.find(found.id, {}) if not run.deleted]
    for run in runs:
        # A pretraining's name has a slash, and a person may have given a run any other.
        name = re.sub(r"[^\w .+-]", "-", run.name)[:LONGEST_NAME]
        _write(store, run, folder / f"{name}-{run.id[:8]}")
    metric = primary_in(found.tags)
    shown = {"name": metric.name, "higher_is_better": metric.higher_is_better}
    write_json(described, {"format": FORMAT, "name": experiment, "metric": shown})
    return len(runs)


def import_runs(
    folder: Path, uri: str | None, experiment: str | None = None, *, force: bool = False
) -> int:
    """Load an export into the MLflow at `uri`, as its own experiment or `experiment`; returns how many runs.

    An export that is loaded twice is stored once. Raises TrackingError where `folder` is no export.
    """
    described = folder / "experiment.json"
    if not described.exists() or read_json(described).get("format") != FORMAT:
        raise TrackingError(f"{described}: not an export that this version of bakeoff can read.")
    store = Store(Address.resolve(uri, force=force))
    stated = read_json(described)
    name = experiment or stated["name"]
    metric = FIRST  # of exports by earlier versions
    if shown := stated.get("metric"):
        metric = Metric(shown["name"], shown["name"], shown["higher_is_better"])
    experiment_id = find_or_create_experiment(store, name, metric)
    records = {file.parent: read_json(file) for file in sorted(folder.glob("*/run.json"))}
    new_ids: dict[str, str] = {}
    # Parents first, so that their children can name them.
    for path, record in sorted(records.items(), key=lambda item: PARENT in item[1]["tags"]):
        new_ids[record["id"]] = _load(store, experiment_id, path, record, new_ids)
    describe_experiment(store, name, metric)
    return len(records)


def _write(store: Store, run: StoredRun, folder: Path) -> None:
    table = io.StringIO()
    rows = csv.writer(table, lineterminator="\n")
    rows.writerow(["key", "step", "time", "value"])
    for key in sorted(run.metrics):
        for point in store.curve(run.id, key):
            rows.writerow([key, point.step, point.time, repr(point.value)])
    write_text(folder / "metrics.csv", table.getvalue())
    for path, _ in store.files(run.id):
        store.download(run.id, path, folder / "artifacts" / path)
    record = asdict(run) | {"datasets": [asdict(each) for each in store.inputs(run.id)]}
    del record["metrics"], record["deleted"], record["experiment_id"]
    write_json(folder / "run.json", record)


def _load(
    store: Store,
    experiment_id: str,
    folder: Path,
    record: Mapping[str, Any],
    new_ids: Mapping[str, str],
) -> str:
    tags = dict(record["tags"])
    if tags.get(PARENT) in new_ids:
        tags[PARENT] = new_ids[tags[PARENT]]
    identity = {ORIGIN: record["id"]}
    started = record["started"] / 1000
    run = find_or_create_run(store, experiment_id, identity, record["name"], started, {})
    with (folder / "metrics.csv").open(encoding="utf-8", newline="") as stream:
        points = [
            Point(row["key"], float(row["value"]), int(row["time"]), int(row["step"]))
            for row in csv.DictReader(stream)
        ]
    store.log_batches(run.id, points, record["params"], tags)
    if record["datasets"]:
        store.datasets(run.id, [Dataset(**each) for each in record["datasets"]])
    present = dict(store.files(run.id))
    root = folder / "artifacts"
    for file in sorted(path for path in root.rglob("*") if path.is_file()):
        path = file.relative_to(root)
        if present.get(str(path)) != file.stat().st_size:
            parent = str(path.parent)
            store.upload(run.id, file, "" if parent == "." else parent)
    if run.status != record["status"]:
        store.status(run.id, record["status"], (record["ended"] or record["started"]) / 1000)
    return run.id

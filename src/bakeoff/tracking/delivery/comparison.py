"""Sends the results of the stages after training to MLflow: baselines, comparison, report."""

import getpass
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from bakeoff.files import read_json, sha256
from bakeoff.tracking.batches import Batch
from bakeoff.tracking.delivery.cursor import Cursor
from bakeoff.tracking.delivery.final_scores import log_scores
from bakeoff.tracking.delivery.uploads import upload
from bakeoff.tracking.mlflow.runs import PARENT, find_or_create_run, live_run
from bakeoff.tracking.mlflow.store import Store
from bakeoff.tracking.presentation.descriptions import Tags, of_baseline, of_comparison
from bakeoff.tracking.presentation.notes import described
from bakeoff.tracking.presentation.scores import read_scores
from bakeoff.tracking.records import StoredRun

COMPARISON = (
    "report.html",
    "report.json",
    "comparison.csv",
    "conclusion.json",
    "splits/audit.json",
)
RECORD = "mlflow.sent.json"


def send_baseline(
    store: Store, experiment_id: str, folder: Path, runs: Sequence[Tags], comparison: str = ""
) -> tuple[str, int]:
    """Send a baseline as a run; returns its id ("" without scores) and the number of files uploaded.

    `runs` are the tags of the trained runs. The baseline becomes a child of the run `comparison` where
    there is one: at the top level it would fill the legends of charts over epochs, which it has none of.
    """
    file = folder / "metrics.json"
    scores = read_scores(file)
    if not scores:
        return "", 0  # metrics.json has the reason
    moment = file.stat().st_mtime
    identity = {"kind": "baseline", "variant": folder.name}
    cursor, run = _cursor_and_run(store, experiment_id, folder, identity, folder.name, moment)
    tags = described(
        run.tags, of_baseline(folder.parents[1].name, folder.name, _description(folder), runs)
    )
    if comparison and run.tags.get(PARENT) != comparison:
        tags[PARENT] = comparison
    if tags:
        store.log(cursor.run_id, Batch(tags=tags))
    if cursor.extra.get("scores") != (digest := sha256(file)):
        log_scores(store, cursor.run_id, scores, moment)
        cursor.extra["scores"] = digest
    paths = ["metrics.json", "confusion.csv", "predictions/val.csv", "predictions/test.csv"]
    return cursor.run_id, _finish(store, cursor, folder, paths, moment)


def send_comparison(
    store: Store, experiment_id: str, results: Path, runs: Sequence[Tags]
) -> tuple[str, int]:
    """Send report and table as the run `comparison`; returns its id ("" before), files uploaded.

    The run starts with the split and ends with the report: so it is listed below the variants where the
    latest run comes first.
    """
    present = [path for path in COMPARISON if (results / path).exists()]
    if not {"report.html", "comparison.csv"} & set(present):
        return "", 0
    moments = [(results / path).stat().st_mtime for path in present]
    identity = {"kind": "comparison", "results": results.name}
    cursor, run = _cursor_and_run(
        store, experiment_id, results, identity, "comparison", min(moments)
    )
    if tags := described(run.tags, of_comparison(results.name, runs, present)):
        store.log(cursor.run_id, Batch(tags=tags))
    return cursor.run_id, _finish(store, cursor, results, present, max(moments))


def _cursor_and_run(
    store: Store,
    experiment_id: str,
    folder: Path,
    identity: Mapping[str, str],
    name: str,
    moment: float,
) -> tuple[Cursor, StoredRun]:
    cursor = Cursor.load(folder / RECORD, str(store.address))
    run = live_run(store, cursor.run_id) if cursor.run_id else None
    # Deleted, of another store at this address, or of an experiment that had another name.
    if run is None or run.experiment_id != experiment_id:
        cursor.reset()
        tags = {"superseded": "no", "mlflow.user": getpass.getuser()}
        run = find_or_create_run(store, experiment_id, identity, name, moment, tags)
        cursor.run_id = run.id
    return cursor, run


def _description(folder: Path) -> str:
    """The text in baseline.json."""
    with suppress(OSError, ValueError):
        return str(read_json(folder / "baseline.json").get("what", ""))
    return ""


def _finish(store: Store, cursor: Cursor, folder: Path, paths: Sequence[str], moment: float) -> int:
    count = upload(store, cursor, folder / RECORD, folder, paths)
    if cursor.status != ["FINISHED", moment]:
        store.status(cursor.run_id, "FINISHED", moment)
        cursor.status = ["FINISHED", moment]
    cursor.save(folder / RECORD)
    return count

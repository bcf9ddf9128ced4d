"""What the stages after training made, in MLflow: the baselines, the comparison, the report."""

import getpass
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from bakeoff.files import read_json, sha256
from bakeoff.tracking.batches import Batch, Point, batches
from bakeoff.tracking.delivery.cursor import Cursor
from bakeoff.tracking.delivery.uploads import upload
from bakeoff.tracking.mlflow.runs import PARENT, find_or_create_run, live_run
from bakeoff.tracking.mlflow.store import Store
from bakeoff.tracking.presentation.descriptions import Tags, of_baseline, of_comparison
from bakeoff.tracking.presentation.notes import described
from bakeoff.tracking.presentation.scores import FINAL, read_scores
from bakeoff.tracking.records import StoredRun

COMPARISON = ("report.html", "comparison.csv", "splits/audit.json")
RECORD = "mlflow.sent.json"


def send_baseline(
    store: Store, experiment_id: str, folder: Path, runs: Sequence[Tags], comparison: str = ""
) -> tuple[str, int]:
    """A baseline as a run: its id ("" without scores), files uploaded.

    `runs` are the tags of the trained runs. It is below the run `comparison` where there is one: at
    the top it would be in the legend of every chart of epochs, and has none.
    """
    file = folder / "metrics.json"
    scores = read_scores(file)
    if not scores:
        return "", 0  # metrics.json says why there is none
    moment = file.stat().st_mtime
    identity = {"kind": "baseline", "variant": folder.name}
    cursor, run = _known(store, experiment_id, folder, identity, folder.name, moment)
    tags = described(
        run.tags, of_baseline(folder.parents[1].name, folder.name, _words(folder), runs)
    )
    if comparison and run.tags.get(PARENT) != comparison:
        tags[PARENT] = comparison
    if tags:
        store.log(cursor.run_id, Batch(tags=tags))
    if cursor.extra.get("scores") != (digest := sha256(file)):
        _log(store, cursor.run_id, scores, moment)
        cursor.extra["scores"] = digest
    paths = ["metrics.json", "predictions/val.csv", "predictions/test.csv"]
    return cursor.run_id, _finish(store, cursor, folder, paths, moment)


def send_comparison(
    store: Store, experiment_id: str, results: Path, runs: Sequence[Tags]
) -> tuple[str, int]:
    """The run `comparison` with report and table: its id ("" before there is one), files uploaded.

    It lasts from the split to the report, so that it is below the variants where the latest is first.
    """
    present = [path for path in COMPARISON if (results / path).exists()]
    if not {"report.html", "comparison.csv"} & set(present):
        return "", 0
    moments = [(results / path).stat().st_mtime for path in present]
    identity = {"kind": "comparison", "results": results.name}
    cursor, run = _known(store, experiment_id, results, identity, "comparison", min(moments))
    if tags := described(run.tags, of_comparison(results.name, runs, present)):
        store.log(cursor.run_id, Batch(tags=tags))
    return cursor.run_id, _finish(store, cursor, results, present, max(moments))


def _known(
    store: Store,
    experiment_id: str,
    folder: Path,
    identity: Mapping[str, str],
    name: str,
    moment: float,
) -> tuple[Cursor, StoredRun]:
    cursor = Cursor.load(folder / RECORD, str(store.address))
    run = live_run(store, cursor.run_id) if cursor.run_id else None
    # Put away, of another store at this address, or of an experiment that had another name.
    if run is None or run.experiment_id != experiment_id:
        cursor.forget()
        tags = {"superseded": "no", "mlflow.user": getpass.getuser()}
        run = find_or_create_run(store, experiment_id, identity, name, moment, tags)
        cursor.run_id = run.id
    return cursor, run


def _words(folder: Path) -> str:
    """What a baseline says that it is."""
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


def _log(store: Store, run_id: str, figures: Mapping[str, float], moment: float) -> None:
    points = [Point(key, value, round(moment * 1000), FINAL) for key, value in figures.items()]
    for batch in batches(points):
        store.log(run_id, batch)

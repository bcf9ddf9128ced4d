"""What the stages after training made, in MLflow: the baselines, the comparison, the report."""

import getpass
from collections.abc import Mapping, Sequence
from pathlib import Path

from bakeoff.files import sha256
from bakeoff.tracking.batches import Point, batches
from bakeoff.tracking.mlflow_store import Store
from bakeoff.tracking.runs import is_gone, the_run
from bakeoff.tracking.scores import FINAL, read_scores
from bakeoff.tracking.sent import Sent
from bakeoff.tracking.uploads import upload

COMPARISON = ("report.html", "comparison.csv", "splits/audit.json")
RECORD = "mlflow.sent.json"


def send_baseline(store: Store, experiment_id: str, folder: Path) -> tuple[str, int]:
    """A baseline as a run beside the variants: its id ("" without scores), files uploaded."""
    file = folder / "metrics.json"
    scores = read_scores(file)
    if not scores:
        return "", 0  # metrics.json says why there is none
    moment = file.stat().st_mtime
    identity = {"kind": "baseline", "variant": folder.name}
    sent = _known(store, experiment_id, folder, identity, folder.name, moment)
    if sent.extra.get("scores") != (digest := sha256(file)):
        _log(store, sent.run_id, scores, moment)
        sent.extra["scores"] = digest
    paths = ["metrics.json", "predictions/val.csv", "predictions/test.csv"]
    return sent.run_id, _finish(store, sent, folder, paths, moment)


def send_comparison(store: Store, experiment_id: str, results: Path) -> tuple[str, int]:
    """The run `comparison` with report and table: its id ("" before there is one), files uploaded."""
    present = [path for path in COMPARISON if (results / path).exists()]
    if not {"report.html", "comparison.csv"} & set(present):
        return "", 0
    moment = max((results / path).stat().st_mtime for path in present)
    identity = {"kind": "comparison", "results": results.name}
    sent = _known(store, experiment_id, results, identity, "comparison", moment)
    return sent.run_id, _finish(store, sent, results, present, moment)


def _known(
    store: Store,
    experiment_id: str,
    folder: Path,
    identity: Mapping[str, str],
    name: str,
    moment: float,
) -> Sent:
    sent = Sent.load(folder / RECORD, str(store.address))
    if sent.run_id and is_gone(store, sent.run_id):  # put away, or of another store at this address
        sent.forget()
    if not sent.run_id:
        tags = {"superseded": "no", "mlflow.user": getpass.getuser()}
        sent.run_id = the_run(store, experiment_id, identity, name, moment, tags).id
    return sent


def _finish(store: Store, sent: Sent, folder: Path, paths: Sequence[str], moment: float) -> int:
    count = upload(store, sent, folder / RECORD, folder, paths)
    if sent.status != ["FINISHED", moment]:
        store.status(sent.run_id, "FINISHED", moment)
        sent.status = ["FINISHED", moment]
    sent.save(folder / RECORD)
    return count


def _log(store: Store, run_id: str, figures: Mapping[str, float], moment: float) -> None:
    points = [Point(key, value, round(moment * 1000), FINAL) for key, value in figures.items()]
    for batch in batches(points):
        store.log(run_id, batch)

"""Runs whose machine died: what MLflow says of them, and that it is taken back when they go on."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bakeoff.tracking.delivery.sync import sync
from bakeoff.tracking.journal.journal import Journal
from bakeoff.tracking.mlflow.store import Store
from bakeoff.tracking.records import StoredRun
from tests.tracking.stored import assert_holds_exactly, open_store, runs
from tests.tracking.training import train, write_splits

LONG_AGO = 1_700_000_000.0

HOLDER = """
import sys
from pathlib import Path
from bakeoff.training.run_lock import exclusive
from bakeoff.training.stop import StopNotice
with exclusive(Path(sys.argv[1]), StopNotice()):
    print("held", flush=True)
    sys.stdin.read()  # until the test ends
"""


@pytest.fixture
def results(empty: Path, tmp_path: Path) -> Path:
    shutil.copy(empty, tmp_path / "mlflow.db")
    write_splits(tmp_path / "digits")
    return tmp_path / "digits"


def synced(results: Path) -> tuple[Store, StoredRun, StoredRun]:
    """The store, the run and its variant's run after a sync."""
    uri = f"sqlite:///{results.parent}/mlflow.db"
    sync(results, uri, "digits")
    store = open_store(uri)
    (run,), (parent,) = (runs(store, "digits", kind=kind) for kind in ("run", "variant"))
    return store, run, parent


def silence(folder: Path) -> None:
    for name in ("journal.jsonl", "checkpoints/lock"):
        if (folder / name).exists():
            os.utime(folder / name, (LONG_AGO, LONG_AGO))


@pytest.mark.slow(seconds=2)
def test_a_run_whose_machine_died_is_killed_in_mlflow_and_opened_again_when_it_goes_on(
    results: Path,
) -> None:
    folder = train(results, epochs=4, until=2)
    command = [sys.executable, "-c", HOLDER, str(folder / "checkpoints")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == b"held\n"
        silence(folder)
        assert synced(results)[1].status == "RUNNING"  # somebody holds the lock
        holder.kill()
    silence(folder)
    for _ in range(2):  # said once
        store, run, parent = synced(results)
        assert (run.status, parent.status) == ("KILLED", "KILLED")
        assert run.ended == round(LONG_AGO * 1000)
        said = run.tags["mlflow.note.content"]
        assert (
            said.count(f"No sign of life since 2023-11-14 22:13:20 UTC from process {os.getpid()}")
            == 1
        )
        assert "checkpoints/last.ckpt" in dict(store.files(run.id))
    with Journal.start(folder, "digits", "sgd", 0, "digest-0.01", resumed=True) as journal:
        _, again, parent = synced(results)
        assert (again.id, again.status, parent.status) == (run.id, "RUNNING", "RUNNING")
        for epoch in (1, 2, 3, 4):
            journal.metrics(epoch, {"val_auc": 0.5 + epoch / 10})
    store, run, _ = synced(results)
    assert assert_holds_exactly(store, "digits", folder / "journal.jsonl").status == "FINISHED"
    assert run.tags["jobs"] == "2"


@pytest.mark.slow(seconds=2)
def test_a_run_that_was_only_suspended_runs_again_with_its_next_metrics(results: Path) -> None:
    folder = train(results, epochs=4, until=1)
    silence(folder)
    assert synced(results)[1].status == "KILLED"
    with Journal(folder / "journal.jsonl") as suspended:
        pass
    assert synced(results)[1].status == "FINISHED"
    silence(folder)
    assert synced(results)[1].status == "FINISHED"
    suspended.status("RUNNING")
    silence(folder)
    assert synced(results)[1].status == "KILLED"
    suspended.metrics(2, {"val_auc": 0.75})  # without a word that it had begun again
    _, run, parent = synced(results)
    assert (run.status, parent.status) == ("RUNNING", "RUNNING")
    assert "measuring again" in run.tags["mlflow.note.content"]


def test_a_run_that_waits_for_its_next_job_is_not_taken_for_lost(results: Path) -> None:
    folder = train(results, epochs=4, until=1)
    Journal(folder / "journal.jsonl").status("SCHEDULED")
    silence(folder)
    assert synced(results)[1].status == "SCHEDULED"

"""Sync into the embedded store: what a person finds there, and that sending again changes nothing."""

import fcntl
import os
import shutil
import sqlite3
from pathlib import Path

import pandas as pd
import pytest

from bakeoff.errors import TrackingError
from bakeoff.tracking.delivery import locks, uploads
from bakeoff.tracking.delivery.sync import sync
from bakeoff.tracking.journal.events import RunStarted
from bakeoff.tracking.journal.journal import Journal, read
from bakeoff.tracking.mlflow import store as mlflow_store
from bakeoff.tracking.mlflow.health import UnavailableError
from tests.tracking.stored import assert_holds_exactly, open_store, runs
from tests.tracking.training import train

URI = "sqlite:///mlflow.db"


def content(database: Path) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table."""
    with sqlite3.connect(database) as connection:
        tables = connection.execute("select name from sqlite_master where type='table'").fetchall()
        rows = {
            name: sorted(connection.execute(f'select * from "{name}"').fetchall(), key=repr)
            for (name,) in tables
        }
    connection.close()
    return rows


@pytest.mark.slow(seconds=5)
def test_a_person_finds_variants_with_their_seeds_params_curves_and_files(room: Path) -> None:
    results = Path("results/digits")
    for variant, lr in (("slow", 0.001), ("fast", 0.05)):
        for seed in (0, 1):
            train(results, variant, seed, lr)
    shutil.copytree(results / "runs/fast/seed-0", results / "baselines/majority")
    (results / "comparison.csv").write_text("variant\nslow\n")
    (results / "report.html").write_text("<p>report</p>")
    done = sync(results, None, "digits")
    assert done.journals == 4
    store = open_store(URI)
    slow, fast = runs(store, "digits", kind="variant")
    assert (slow.name, fast.name) == ("slow", "fast")
    assert fast.params == {"model": "sgd", "training.lr": "0.05"}
    for parent in (slow, fast):
        seeds = runs(store, "digits", kind="run", variant=parent.name)
        assert [run.tags["mlflow.parentRunId"] for run in seeds] == [parent.id] * 2
        aurocs = pd.Series([run.metrics["test/auroc"] for run in seeds])
        assert parent.metrics["test/auroc"] == pytest.approx(aurocs.mean())
        assert parent.metrics["test_sd/auroc"] == pytest.approx(aurocs.std())
        assert parent.status == "FINISHED"
        for run in seeds:
            journal = results / f"runs/{parent.name}/seed-{run.tags['seed']}/journal.jsonl"
            assert_holds_exactly(store, "digits", journal)
            low, high = (run.metrics[f"test_interval/auroc_{end}"] for end in ("low", "high"))
            assert low < run.metrics["test/auroc"] < high
            assert "bakeoff train --config" in run.tags["mlflow.note.content"]
            assert run.tags["mlflow.source.git.commit"] == "0" * 40
            assert {path for path, _ in store.files(run.id)} == {
                "checkpoints/best.safetensors",
                "checkpoints/last.ckpt",
                "journal.jsonl",
                "metrics.json",
                "predictions/test.csv",
                "predictions/val.csv",
                "run.json",
                "train.log",
            }
    (comparison,) = runs(store, "digits", kind="comparison")
    assert ("report.html", 13) in list(store.files(comparison.id))
    (majority,) = runs(store, "digits", kind="baseline")
    assert "test/auroc" in majority.metrics
    assert (room / "mlartifacts").is_dir()


@pytest.mark.slow(seconds=3)
def test_a_variant_shows_mean_curves_and_gets_new_ones_when_a_seed_is_added(room: Path) -> None:
    results = Path("results/digits")
    for seeds in ((0, 1), (2,)):
        for seed in seeds:
            train(results, seed=seed)
        sync(results, URI, "digits")
        sync(results, URI, "digits")
        store = open_store(URI)
        (parent,) = runs(store, "digits", kind="variant")
        children = runs(store, "digits", kind="run")
        assert {run.tags["mlflow.parentRunId"] for run in children} == {parent.id}
        curves = [store.curve(run.id, "epoch/val_loss") for run in children]
        mean = store.curve(parent.id, "epoch/val_loss")
        assert [point.step for point in mean] == [1, 2, 3]
        for step, point in enumerate(mean):
            expected = sum(curve[step].value for curve in curves) / len(curves)
            assert point.value == pytest.approx(expected)
        assert parent.metrics["seeds"] == len(children)
        assert (parent.status, parent.tags["superseded"]) == ("FINISHED", "no")


@pytest.mark.slow(seconds=2)
def test_sending_again_stores_once_also_when_nobody_remembers_that_it_was_sent(room: Path) -> None:
    results = Path("results/digits")
    train(results)
    sync(results, URI, "digits")
    before = content(room / "mlflow.db")
    assert sync(results, URI, "digits").events == 0
    assert content(room / "mlflow.db") == before
    for memory in results.rglob("*.sent.json"):
        memory.unlink()
    assert sync(results, URI, "digits").events > 0
    assert content(room / "mlflow.db") == before


def test_a_resumed_run_goes_on_in_the_same_mlflow_run_with_its_latest_status(room: Path) -> None:
    results = Path("results/digits")
    folder = train(results, epochs=4, until=2)
    Journal(folder / "journal.jsonl").status("FAILED", "RuntimeError: no space left")
    sync(results, URI, "digits")
    store = open_store(URI)
    (failed,) = runs(store, "digits", kind="run")
    assert failed.status == "FAILED"
    assert "no space left" in failed.tags["mlflow.note.content"]
    journal = Journal.start(folder, "digits", "sgd", 0, "digest-0.01", resumed=True)
    with journal:
        for epoch in (1, 2, 3, 4):
            journal.metrics(epoch, {"val_auc": 0.5 + epoch / 10})
    sync(results, URI, "digits")
    (run,) = runs(store, "digits", kind="run")
    assert run.id == failed.id
    assert run.tags["jobs"] == "2"
    steps = [point.step for point in store.curve(run.id, "epoch/val_auc")]
    assert steps == [1, 2, 3, 4]
    assert_holds_exactly(store, "digits", folder / "journal.jsonl")


@pytest.mark.slow(seconds=2)
def test_another_configuration_is_another_run_and_the_older_one_is_marked(room: Path) -> None:
    results = Path("results/digits")
    train(results, lr=0.01)
    sync(results, URI, "digits")
    train(results, lr=0.05)  # the same variant and seed
    sync(results, URI, "digits")
    store = open_store(URI)
    older, newer = runs(store, "digits", kind="run")
    assert (older.params["training.lr"], newer.params["training.lr"]) == ("0.01", "0.05")
    assert (older.tags["superseded"], newer.tags["superseded"]) == ("yes", "no")
    assert older.tags["superseded_by"] == newer.id
    parents = {run.id: run.tags["superseded"] for run in runs(store, "digits", kind="variant")}
    assert parents[older.tags["mlflow.parentRunId"]] == "yes"
    assert parents[newer.tags["mlflow.parentRunId"]] == "no"
    for journal in results.glob("runs/sgd/seed-0/journal*.jsonl"):
        assert_holds_exactly(store, "digits", journal)


@pytest.mark.slow(seconds=2)
def test_a_run_that_was_left_behind_unfinished_is_killed_by_its_successor(room: Path) -> None:
    results = Path("results/digits")
    train(results, lr=0.01, until=1)
    sync(results, URI, "digits")
    store = open_store(URI)
    assert [run.status for run in runs(store, "digits", kind="run")] == ["RUNNING"]
    train(results, lr=0.05)
    for _ in range(2):
        sync(results, URI, "digits")
        older, newer = runs(store, "digits", kind="run")
        assert (older.status, newer.status) == ("KILLED", "FINISHED")


@pytest.mark.slow(seconds=2)
def test_another_journal_of_the_same_length_is_not_taken_for_the_one_that_was_sent(
    room: Path,
) -> None:
    results = Path("results/digits")
    journal = train(results) / "journal.jsonl"
    sync(results, URI, "digits")
    first = read(journal)[0]
    assert isinstance(first, RunStarted)
    text = journal.read_text()
    journal.write_text(text.replace(first.journal, first.journal[::-1]))
    sync(results, URI, "digits")
    store = open_store(URI)
    assert len(runs(store, "digits", kind="run")) == 2
    assert_holds_exactly(store, "digits", journal)


@pytest.mark.slow(seconds=2)
def test_a_checkpoint_is_uploaded_once_per_content(
    room: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uploaded: list[str] = []
    real = mlflow_store.Store.upload

    def counting(self: mlflow_store.Store, run_id: str, file: Path, folder: str = "") -> None:
        uploaded.append(file.name)
        real(self, run_id, file, folder)

    monkeypatch.setattr(mlflow_store.Store, "upload", counting)
    results = Path("results/digits")
    folder = train(results)
    sync(results, URI, "digits")
    os.utime(folder / "checkpoints/last.ckpt")
    sync(results, URI, "digits")
    assert uploaded.count("last.ckpt") == 1
    (folder / "checkpoints/last.ckpt").write_bytes(b"later weights")
    sync(results, URI, "digits")
    assert uploaded.count("last.ckpt") == 2


@pytest.mark.slow(seconds=2)
def test_a_large_checkpoint_that_keeps_changing_is_uploaded_now_and_then_and_when_a_job_stops(
    room: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = Path("results/digits")
    folder = train(results, epochs=4, until=1)
    large = folder / "checkpoints/best.safetensors"
    journal = Journal(folder / "journal.jsonl")
    store = open_store(URI)

    def stored() -> bytes:
        (run,) = runs(store, "digits", kind="run")
        store.download(run.id, "checkpoints/best.safetensors", room / "fetched")
        return (room / "fetched").read_bytes()

    def improve(epoch: int, content: bytes) -> None:
        large.write_bytes(content * (uploads.LARGE + 1))
        journal.metrics(epoch, {"val_auc": 0.1 * epoch}, files=["checkpoints/best.safetensors"])
        sync(results, URI, "digits")

    for epoch, letter in enumerate((b"a", b"b", b"c"), start=2):
        improve(epoch, letter)
        assert stored()[:1] == b"a"
    with monkeypatch.context() as later:
        later.setattr(uploads, "PAUSE", 0.0)  # ten minutes later
        sync(results, URI, "digits")
    assert stored()[:1] == b"c"
    improve(5, b"d")
    assert stored()[:1] == b"c"
    journal.status("SCHEDULED")  # the job gives way: now the latest counts
    sync(results, URI, "digits")
    assert stored() == large.read_bytes()


def test_published_weights_are_not_uploaded_beside_the_checkpoint_that_they_are(
    room: Path,
) -> None:
    results = Path("results/digits")
    folder = train(results)
    (folder / "best.safetensors").hardlink_to(folder / "checkpoints/best.safetensors")
    assert "best.safetensors" not in uploads.results(folder)
    shutil.rmtree(folder / "checkpoints")
    assert "best.safetensors" in uploads.results(folder)


@pytest.mark.slow(seconds=3)
def test_runs_sent_to_a_second_store_go_on_at_the_first(room: Path, empty: Path) -> None:
    results = Path("results/digits")
    folder = train(results, epochs=4, until=2)
    shutil.copy(empty, room / "other.db")
    other = f"sqlite:///{room}/other.db"
    for uri in (URI, other):
        sync(results, uri, "digits")
    before = content(room / "mlflow.db")
    assert sync(results, URI, "digits").events == 0  # what it remembers of one, the other leaves
    assert content(room / "mlflow.db") == before
    with Journal(folder / "journal.jsonl") as journal:
        journal.metrics(3, {"val_auc": 0.75})
    for uri in (other, URI, other):
        sync(results, uri, "digits")
    for uri in (URI, other):
        assert_holds_exactly(open_store(uri), "digits", folder / "journal.jsonl")


@pytest.mark.slow(seconds=2)
def test_runs_sent_under_another_experiments_name_are_in_both(room: Path) -> None:
    results = Path("results/digits")
    folder = train(results)
    (results / "comparison.csv").write_text("variant\nsgd\n")
    for name in ("before", "after", "before"):
        sync(results, URI, name)
    store = open_store(URI)
    for name in ("before", "after"):
        assert_holds_exactly(store, name, folder / "journal.jsonl")
        assert len(runs(store, name, kind="variant")) == 1
        (comparison,) = runs(store, name, kind="comparison")
        assert dict(store.files(comparison.id)) == {"comparison.csv": 12}


@pytest.mark.slow(seconds=2)
def test_a_run_that_a_person_deleted_in_mlflow_is_named_and_the_others_are_sent(
    room: Path,
) -> None:
    results = Path("results/digits")
    train(results, seed=0, epochs=1)
    sync(results, URI, "digits")
    store = open_store(URI)
    (run,) = runs(store, "digits", kind="run")
    store.delete(run.id)
    train(results, seed=1, epochs=1)
    with Journal(results / "runs/sgd/seed-0/journal.jsonl") as journal:
        journal.metrics(2, {"val_auc": 0.5})
    with pytest.raises(TrackingError, match=f"{run.id}.*was deleted in MLflow. Restore it"):
        sync(results, URI, "digits")
    assert [run.tags["seed"] for run in runs(store, "digits", kind="run")] == ["1"]


@pytest.mark.slow(seconds=2)
def test_a_baseline_that_a_person_deleted_in_mlflow_is_named_and_the_comparison_is_sent(
    room: Path,
) -> None:
    results = Path("results/digits")
    shutil.copytree(train(results), results / "baselines/majority")
    sync(results, URI, "digits")
    store = open_store(URI)
    (baseline,) = runs(store, "digits", kind="baseline")
    store.delete(baseline.id)
    (results / "comparison.csv").write_text("variant\nsgd\n")
    with pytest.raises(TrackingError, match=f"{baseline.id}.*was deleted in MLflow. Restore it"):
        sync(results, URI, "digits")
    assert len(runs(store, "digits", kind="comparison")) == 1


@pytest.mark.slow(seconds=3)
def test_a_run_that_another_process_is_sending_is_named_and_the_others_are_sent(
    room: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = Path("results/digits")
    for seed in (0, 1):
        train(results, seed=seed, epochs=1)
    sync(results, URI, "digits")
    store = open_store(URI)
    (parent,) = runs(store, "digits", kind="variant")
    for seed in (0, 1):
        with Journal(results / f"runs/sgd/seed-{seed}/journal.jsonl") as journal:
            journal.metrics(2, {"val_auc": 0.5})
    train(results, "other", epochs=1)
    monkeypatch.setattr(locks, "LOCK_PATIENCE", 0.2)
    with (results / "runs/sgd/seed-0/journal.sent.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(UnavailableError, match=r"seed-0/journal.jsonl: another process has"):
            sync(results, URI, "digits")
    for place in ("sgd/seed-1", "other/seed-0"):
        assert_holds_exactly(store, "digits", results / f"runs/{place}/journal.jsonl")
    assert {run.name for run in runs(store, "digits", kind="variant")} == {"sgd", "other"}
    assert store.get(parent.id).metrics["seeds"] == 2  # no mean over what was left out
    sync(results, URI, "digits")
    assert_holds_exactly(store, "digits", results / "runs/sgd/seed-0/journal.jsonl")

"""Runs that are sent while they train, by real processes to a real server that comes and goes."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from operator import gt
from pathlib import Path

import psutil
import pytest

from bakeoff.tracking.delivery import sender
from bakeoff.tracking.delivery.sender import start_sender
from bakeoff.tracking.delivery.sync import sync
from bakeoff.tracking.journal.events import Status
from bakeoff.tracking.journal.journal import Journal, read
from bakeoff.tracking.mlflow.address import Address
from tests.tracking.conftest import Server
from tests.tracking.stored import assert_holds_exactly, open_store, runs
from tests.tracking.training import write_splits
from tests.waiting import eventually

pytestmark = pytest.mark.slow(seconds=3)

ROOT = Path(__file__).parents[3]


def training(results: Path, seed: int, uri: str, epochs: int, pause: float) -> subprocess.Popen:
    arguments = [str(results), str(seed), str(epochs), str(pause), uri]
    return subprocess.Popen([sys.executable, "-m", "tests.tracking.training", *arguments], cwd=ROOT)


def said(journal: Path) -> int:
    """How many epochs a journal tells of."""
    return journal.read_text().count('"train_loss"') if journal.exists() else 0


def sender_of(folder: Path) -> str:
    return (folder / "sender.log").read_text() if (folder / "sender.log").exists() else ""


def test_a_run_is_in_mlflow_while_it_trains_and_complete_when_it_has_ended(
    server: Server, tmp_path: Path
) -> None:
    results = tmp_path / "live"
    write_splits(results)
    folder = results / "runs/sgd/seed-0"
    process = training(results, 0, server.url, epochs=40, pause=0.25)
    store = open_store(server.url)

    def is_live() -> bool:
        found = runs(store, "live", kind="run")
        return bool(found) and found[0].status == "RUNNING" and "epoch/val_auc" in found[0].metrics

    eventually(is_live)
    (run,) = runs(store, "live", kind="run")
    eventually(lambda: "checkpoints/best.safetensors" in dict(store.files(run.id)))
    assert process.poll() is None
    assert process.wait(timeout=180) == 0
    eventually(lambda: "Everything is in MLflow" in sender_of(folder))
    run = assert_holds_exactly(store, "live", folder / "journal.jsonl")
    assert run.status == "FINISHED"
    for name in ("checkpoints/best.safetensors", "checkpoints/last.ckpt"):
        store.download(run.id, name, tmp_path / "fetched")
        assert (tmp_path / "fetched").read_bytes() == (folder / name).read_bytes()
    assert run.metrics["system/process_memory_megabytes"] > 10
    assert "test/auroc" in run.metrics


def test_a_killed_training_is_killed_in_mlflow_and_its_next_job_goes_on_there(
    server: Server, tmp_path: Path
) -> None:
    results = tmp_path / "cut"
    write_splits(results)
    folder = results / "runs/sgd/seed-0"
    process = training(results, 0, server.url, epochs=1000, pause=0.1)
    journal = folder / "journal.jsonl"
    eventually(lambda: journal.exists() and journal.read_text().count('"metrics"') > 3)
    process.kill()
    process.wait()
    eventually(lambda: "Everything is in MLflow" in sender_of(folder))
    store = open_store(server.url)
    run = assert_holds_exactly(store, "cut", journal)
    assert run.status == "KILLED"
    assert "ended without a word" in run.tags["mlflow.note.content"]
    with Journal.start(folder, "cut", "sgd", 0, "digest-0.01", resumed=True) as resumed:
        sender = start_sender(folder, server.url, "cut")
        resumed.metrics(5000, {"val_auc": 0.5})
    assert sender is not None
    assert os.waitpid(sender, 0)[1] == 0
    again = assert_holds_exactly(store, "cut", journal)
    assert (again.id, again.status, again.tags["jobs"]) == (run.id, "FINISHED", "2")


def test_a_store_that_cannot_be_used_stops_no_training(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Journal.start(tmp_path, "demo", "conv", 0, "d1") as journal:
        assert start_sender(tmp_path, "ftp://example.org", "demo") is None
        journal.metrics(1, {"loss": 1.0})
    assert "Training goes on" in caplog.text


def kill_node(process: subprocess.Popen) -> None:
    """End a training and its sender at once, as a node does that fails."""
    family = psutil.Process(process.pid)
    for member in [family, *family.children()]:
        member.kill()


@contextmanager
def disturbed(server: Server, how: str, seconds: float) -> Iterator[None]:
    match how:
        case "hangs":
            server.signal(signal.SIGSTOP)
            yield
            time.sleep(seconds)
            server.signal(signal.SIGCONT)
        case "has no disk":
            with server.full_disk():
                yield
                time.sleep(seconds)
        case "is killed":
            server.kill()
            yield
            time.sleep(seconds)
            server.start()


@pytest.mark.slow(seconds=100)
def test_a_server_that_dies_hangs_and_fills_up_in_a_bake_off_loses_nothing_and_stops_no_training(
    tmp_path: Path, empty: Path
) -> None:
    results = tmp_path / "disturbed"
    write_splits(results)
    server = Server(tmp_path, empty)
    server.start()
    chance = random.Random(4)
    processes = [training(results, seed, server.url, 10_000, 0.2) for seed in range(8)]
    journals = [results / f"runs/sgd/seed-{seed}/journal.jsonl" for seed in range(8)]
    falling = processes[6:]
    try:
        eventually(lambda: all(said(journal) > 2 for journal in journals))
        for way in chance.sample(["hangs", "has no disk", "is killed"] * 2, 6):
            time.sleep(chance.uniform(0, 2))
            with disturbed(server, way, chance.uniform(0.5, 2)):
                if falling and chance.random() < 0.5:
                    kill_node(falling.pop())
        while falling:
            kill_node(falling.pop())
        before = [said(journal) for journal in journals]
        eventually(lambda: all(map(gt, map(said, journals[:6]), before)))  # none of them waits
        (tmp_path / "enough").touch()
        assert [process.wait() for process in processes] == [0] * 6 + [-signal.SIGKILL] * 2
        # Had a call waited for the server, it would have waited 5 s at least.
        longest = [float(file.read_text()) for file in results.glob("runs/*/*/longest.txt")]
        assert len(longest) == 6 and max(longest) < 4
        sync(results, server.url, "disturbed")  # senders may be at it still: they send at once
        store = open_store(server.url)
        assert len(runs(store, "disturbed", kind="run")) == 8
        for journal in journals:
            run = assert_holds_exactly(store, "disturbed", journal)
            for name in ("checkpoints/best.safetensors", "checkpoints/last.ckpt"):
                store.download(run.id, name, tmp_path / "fetched")
                assert (tmp_path / "fetched").read_bytes() == (journal.parent / name).read_bytes()
        ended = [journal.parent for journal in journals[:6]]
        eventually(lambda: all("verything" in sender_of(folder) for folder in ended))
    finally:
        for process in processes:
            process.kill()
            process.wait()
        server.kill()


def test_a_node_without_mlflow_journals_what_it_sees_and_sends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    results = tmp_path / "bare"
    write_splits(results)
    process = training(results, 0, "", epochs=1000, pause=0.1)
    folder = results / "runs/sgd/seed-0"
    eventually(lambda: said(folder / "journal.jsonl") > 2)
    process.kill()
    process.wait()
    monkeypatch.setitem(sys.modules, "mlflow", None)
    for name in ("mlflow.store", "mlflow.experiments", "delivery.delivery"):
        monkeypatch.delitem(sys.modules, f"bakeoff.tracking.{name}", raising=False)
    monkeypatch.setattr(sender, "GRACE", 0.0)
    bare = sender.Sender(folder, Address(f"sqlite:///{tmp_path}/no.db"), "bare", process.pid)
    assert not bare.run()
    assert "mlflow" in caplog.text and "`bakeoff sync` sends later" in caplog.text
    ended = read(folder / "journal.jsonl")[-1]
    assert isinstance(ended, Status) and ended.status == "KILLED"

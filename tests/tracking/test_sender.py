"""Runs that are sent while they train, by real processes to a real server that comes and goes."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bakeoff.tracking.journal import Journal
from bakeoff.tracking.sender import start_sender
from bakeoff.tracking.sync import sync
from tests.tracking.conftest import Server
from tests.tracking.stored import assert_holds_exactly, open_store, runs
from tests.tracking.training import write_splits

ROOT = Path(__file__).parents[2]


def training(results: Path, seed: int, uri: str, epochs: int, pause: float) -> subprocess.Popen:
    arguments = [str(results), str(seed), str(epochs), str(pause), uri]
    return subprocess.Popen([sys.executable, "-m", "tests.tracking.training", *arguments], cwd=ROOT)


def eventually(holds: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come to hold"
        time.sleep(0.2)


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
    assert process.wait(timeout=60) == 0
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
    with Journal.start(folder, "cut", "sgd", 0, "digest-0.01", resumed_at=3) as resumed:
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


@pytest.mark.slow
def test_a_server_killed_hung_and_restarted_during_a_bake_off_loses_nothing_and_stops_no_training(
    tmp_path: Path, empty: Path
) -> None:
    results = tmp_path / "disturbed"
    write_splits(results)
    server = Server(tmp_path, empty)
    server.start()
    chance = random.Random(4)
    try:
        processes = [training(results, seed, server.url, 40, 0.2) for seed in range(8)]
        while any(process.poll() is None for process in processes):
            time.sleep(chance.uniform(0.5, 2.5))
            if chance.random() < 0.5:
                server.signal(signal.SIGSTOP)
                time.sleep(chance.uniform(0.5, 3))
                server.signal(signal.SIGCONT)
            else:
                server.kill()
                time.sleep(chance.uniform(0, 2))
                server.start()
        assert [process.wait() for process in processes] == [0] * 8
        # Had a call waited for the server, it would have waited 5 s at least.
        longest = [float(file.read_text()) for file in results.glob("runs/*/*/longest.txt")]
        assert max(longest) < 4
        sync(results, server.url, "disturbed")
        store = open_store(server.url)
        assert len(runs(store, "disturbed", kind="run")) == 8
        for journal in results.glob("runs/*/*/journal.jsonl"):
            assert_holds_exactly(store, "disturbed", journal)
        folders = list(results.glob("runs/*/*"))
        eventually(lambda: all("verything" in sender_of(folder) for folder in folders))
    finally:
        server.kill()

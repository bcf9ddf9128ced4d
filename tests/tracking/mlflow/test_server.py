"""A real `mlflow server`: down, hung, killed while it is sent to, its disk full, with passwords."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from bakeoff.errors import TrackingError
from bakeoff.files import sha256
from bakeoff.tracking.delivery.sync import sync
from bakeoff.tracking.journal.journal import Journal
from bakeoff.tracking.mlflow.address import Address
from bakeoff.tracking.mlflow.health import UnavailableError
from bakeoff.tracking.mlflow.server import server_command
from bakeoff.tracking.presentation.scores import read_scores
from tests.tracking.conftest import Server
from tests.tracking.postgres import PASSWORD, Postgres
from tests.tracking.questions import QUESTIONS
from tests.tracking.stored import assert_holds_exactly, open_store, runs
from tests.tracking.training import train, write_splits
from tests.waiting import eventually

pytestmark = pytest.mark.slow(seconds=3)

ROOT = Path(__file__).parents[3]


def test_what_was_sent_to_a_server_is_there_with_artifacts_passed_on(
    server: Server, tmp_path: Path
) -> None:
    results = tmp_path / "passed-on"
    write_splits(results)
    folder = train(results)
    done = sync(results, server.url, "passed-on")
    place = f"#/experiments/{done.experiment_id}/runs"
    assert done.url == (
        f"{server.url}/{place}?viewStateShareKey=variants&workflowType=machine_learning"
    )
    store = open_store(server.url)
    run = assert_holds_exactly(store, "passed-on", folder / "journal.jsonl")
    fetched = tmp_path / "fetched"
    store.download(run.id, "checkpoints/last.ckpt", fetched)
    assert fetched.read_bytes() == (folder / "checkpoints/last.ckpt").read_bytes()


def test_many_events_take_few_requests(server: Server, tmp_path: Path) -> None:
    results = tmp_path / "few"
    write_splits(results)
    train(results, epochs=60)
    before = server.requests("POST /api")
    sync(results, server.url, "few")
    # 300 values of the run and 300 means of its variant, both runs with their params and tags; the
    # experiment with its views and its description.
    assert server.requests("POST /api") - before < 40


def test_a_server_that_is_down_or_hangs_is_found_out_quickly_and_costs_nothing(
    server: Server, tmp_path: Path
) -> None:
    results = tmp_path / "away"
    write_splits(results)
    folder = train(results)
    with socket.create_server(("127.0.0.1", 0)) as closed:
        down = f"http://127.0.0.1:{closed.getsockname()[1]}"
    begun = time.monotonic()
    with pytest.raises(UnavailableError, match=rf"MLflow at {down} does not answer.*bakeoff sync"):
        sync(results, down, "away")
    assert time.monotonic() - begun < 15
    server.signal(signal.SIGSTOP)
    try:
        begun = time.monotonic()
        with pytest.raises(UnavailableError, match="timed out"):
            sync(results, server.url, "away")
        assert time.monotonic() - begun < 15
    finally:
        server.signal(signal.SIGCONT)
    sync(results, server.url, "away")
    assert_holds_exactly(open_store(server.url), "away", folder / "journal.jsonl")


def test_a_server_whose_disk_is_full_is_sent_everything_once_there_is_room(
    server: Server, tmp_path: Path
) -> None:
    results = tmp_path / "full"
    write_splits(results)
    folder = train(results)
    with server.full_disk(), pytest.raises(UnavailableError, match=f"MLflow at {server.url}"):
        sync(results, server.url, "full")
    sync(results, server.url, "full")
    store = open_store(server.url)
    assert_holds_exactly(store, "full", folder / "journal.jsonl")
    train(results, seed=1)
    sync(results, server.url, "full")
    (folder / "checkpoints/last.ckpt").write_bytes(b"later weights" * 9)
    with server.full_disk(), pytest.raises(UnavailableError):
        sync(results, server.url, "full")  # the artifact is refused
    sync(results, server.url, "full")
    run = assert_holds_exactly(store, "full", folder / "journal.jsonl")
    fetched = tmp_path / "fetched"
    store.download(run.id, "checkpoints/last.ckpt", fetched)
    assert fetched.read_bytes() == b"later weights" * 9


@pytest.mark.slow(seconds=80)
def test_a_server_killed_while_it_is_sent_to_ends_up_with_everything_once(
    tmp_path: Path, empty: Path
) -> None:
    server = Server(tmp_path, empty)
    server.start()
    for kind, question in QUESTIONS.items():
        question.write_splits(tmp_path / kind)
        train(tmp_path / kind, epochs=30, question=question)

    def send() -> None:
        for kind in QUESTIONS:
            sync(tmp_path / kind, server.url, kind)

    try:
        for moment in (0.15, 0.6):
            open_store(server.url)  # it answers, so that the kill meets the sending
            killer = threading.Timer(moment, server.kill)
            killer.start()
            with pytest.raises(UnavailableError):
                while True:
                    send()
                    for memory in tmp_path.rglob("*.sent.json"):
                        memory.unlink()  # sent again from the start, until the kill meets it
            killer.join()
            server.start()
        send()
        store = open_store(server.url)
        for kind in QUESTIONS:
            assert len(runs(store, kind, kind="run")) == 1
            folder = tmp_path / kind / "runs/sgd/seed-0"
            run = assert_holds_exactly(store, kind, folder / "journal.jsonl")
            figures = read_scores(folder / "metrics.json")
            assert run.metrics.items() >= figures.items()
            assert all(len(store.curve(run.id, key)) == 1 for key in figures)
    finally:
        server.kill()


@pytest.mark.slow
def test_a_sender_killed_in_the_middle_of_an_upload_leaves_nothing_half_stored(
    server: Server, tmp_path: Path
) -> None:
    results = tmp_path / "middle"
    write_splits(results)
    folder = train(results)
    sync(results, server.url, "middle")
    large = folder / "checkpoints/last.ckpt"
    large.write_bytes(os.urandom(1_000_000) * 64)
    send = "import sys; from pathlib import Path; from bakeoff.tracking.delivery.sync import sync"
    send += f"; sync(Path({str(results)!r}), {server.url!r}, 'middle')"
    sender = subprocess.Popen([sys.executable, "-c", send])
    try:
        while not list(large.parent.glob(".sending-*")):
            assert sender.poll() is None
            time.sleep(0.002)
        server.signal(signal.SIGSTOP)  # it takes what the kernel's buffers hold, and no more
        time.sleep(1)
        assert sender.poll() is None
    finally:
        sender.kill()
        sender.wait()
        server.signal(signal.SIGCONT)
    assert list(large.parent.glob(".sending-*"))  # nobody was there to clear it away
    store = open_store(server.url)
    (run,) = runs(store, "middle", kind="run")
    assert dict(store.files(run.id))["checkpoints/last.ckpt"] < 10_000  # the one before
    sync(results, server.url, "middle")
    store.download(run.id, "checkpoints/last.ckpt", tmp_path / "fetched")
    assert sha256(tmp_path / "fetched") == sha256(large)
    assert not list(large.parent.glob(".sending-*"))
    assert_holds_exactly(store, "middle", folder / "journal.jsonl")


@pytest.fixture
def postgres(monkeypatch: pytest.MonkeyPatch) -> Iterator[Postgres]:
    database = Postgres()
    monkeypatch.setenv("PGPASSFILE", str(database.passwords))
    database.start()
    try:
        yield database
    finally:
        database.remove()


@pytest.mark.slow
def test_a_server_over_postgresql_stores_everything_once_although_the_database_dies(
    postgres: Postgres, tmp_path: Path
) -> None:
    results = tmp_path / "postgres"
    write_splits(results)
    for seed in (0, 1):
        train(results, seed=seed)
    server = Server(tmp_path, store=postgres.uri)
    try:
        server.start()
        sync(results, server.url, "postgres")
        store = open_store(server.url)
        train(results, seed=2)
        postgres.kill()
        with pytest.raises(UnavailableError, match=f"MLflow at {server.url}"):
            sync(results, server.url, "postgres")
        postgres.start()
        sync(results, server.url, "postgres")
        assert sync(results, server.url, "postgres").events == 0
        for memory in results.rglob("*.sent.json"):
            memory.unlink()
        sync(results, server.url, "postgres")  # all of it once more
        assert len(runs(store, "postgres", kind="run")) == 3
        for journal in results.glob("runs/*/*/journal.jsonl"):
            assert_holds_exactly(store, "postgres", journal)
        said = (tmp_path / "server.log").read_bytes()
        for process in server.processes():
            said += " ".join(process.cmdline()).encode()
        assert PASSWORD.encode() not in said
    finally:
        server.kill()


@pytest.mark.slow
def test_watching_sends_what_happens_and_outlasts_a_server_that_hangs(
    server: Server, tmp_path: Path
) -> None:
    results = tmp_path / "results/watched"
    write_splits(results)
    folder = train(results, epochs=4, until=1)
    values = {
        "experiment": "watched",
        "results": str(tmp_path / "results"),
        "data": {"labels": "labels.csv", "images": "images"},
        "tracking": {"uri": server.url},
        "variants": {"sgd": {"model": "conv"}},
    }
    config = tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump(values))
    command = [sys.executable, "-m", "bakeoff", "sync", "--config", str(config)]
    command += ["--watch", "--interval", "0.5"]
    server.signal(signal.SIGSTOP)
    with (
        (tmp_path / "said").open("w+") as said,
        subprocess.Popen(command, stderr=said, stdout=said) as watcher,
    ):
        try:
            heard = (tmp_path / "said").read_text
            eventually(lambda: "does not answer" in heard())
            server.signal(signal.SIGCONT)
            store = open_store(server.url)
            eventually(lambda: bool(runs(store, "watched", kind="run")))
            with Journal(folder / "journal.jsonl") as journal:
                journal.metrics(2, {"val_auc": 0.75})
            eventually(lambda: runs(store, "watched", kind="run")[0].status == "FINISHED")
            assert_holds_exactly(store, "watched", folder / "journal.jsonl")
            watcher.send_signal(signal.SIGINT)
            watcher.wait(timeout=60)
            assert "Traceback" not in heard()
        finally:
            server.signal(signal.SIGCONT)
            watcher.kill()


@pytest.mark.slow(seconds=50)
def test_credentials_are_asked_for_and_are_in_no_list_of_processes_and_no_message(
    tmp_path: Path, empty: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TrackingError, match="needs MLFLOW_AUTH_ADMIN_USERNAME and"):
        server_command(Address("sqlite:///server.db"), auth=True, port=0)
    monkeypatch.setenv("MLFLOW_AUTH_ADMIN_USERNAME", "ada")
    monkeypatch.setenv("MLFLOW_AUTH_ADMIN_PASSWORD", "correct-horse-1")
    server = Server(tmp_path, empty, auth=True)
    server.start()
    try:
        results = tmp_path / "secret"
        write_splits(results)
        folder = train(results)
        with pytest.raises(TrackingError, match=r"not authenticated|[Uu]nauthori[sz]ed|401"):
            sync(results, server.url, "secret")
        monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "ada")
        monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "correct-horse-1")
        sync(results, server.url, "secret")
        assert_holds_exactly(open_store(server.url), "secret", folder / "journal.jsonl")
        assert server.process is not None
        commands = Path(f"/proc/{server.process.pid}/cmdline").read_bytes()
        written = [file.read_bytes() for file in results.rglob("*") if file.is_file()]
        for text in (commands, *written, (tmp_path / "server.log").read_bytes()):
            assert b"correct-horse" not in text
    finally:
        server.kill()


def test_make_server_passes_its_arguments_on() -> None:
    arguments = "--auth --host 0.0.0.0 --allow-host me.example"
    command = [
        "make",
        "--dry-run",
        "--no-print-directory",
        "server",
        "PORT=5001",
        f"ARGS={arguments}",
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == f"bakeoff server --port 5001 {arguments}"


def test_a_port_in_use_and_a_server_as_store_are_refused_before_anything_starts() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(TrackingError, match=rf"port {port} on 127.0.0.1 cannot be used"):
            server_command(Address("sqlite:///server.db"), port=port)
    with pytest.raises(TrackingError, match="is a server itself"):
        server_command(Address("http://127.0.0.1:5000"))


def test_only_allowed_hosts_are_answered(server: Server) -> None:
    request = "GET /api/2.0/mlflow/experiments/search?max_results=1 HTTP/1.1\r\nHost: {}\r\n\r\n"
    for host, status in ((f"127.0.0.1:{server.port}", b"200"), ("evil.example", b"403")):
        with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
            connection.sendall(request.format(host).encode())
            assert connection.recv(4096).split()[1] == status


def test_a_password_in_an_address_is_never_shown_and_not_taken_from_a_configuration(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(TrackingError, match="MLFLOW_TRACKING_PASSWORD") as refused:
        Address.resolve("http://ada:secret@127.0.0.1:1")
    assert "secret" not in str(refused.value)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://ada:secret@127.0.0.1:1")
    with pytest.raises(UnavailableError) as away:
        open_store(os.environ["MLFLOW_TRACKING_URI"])
    assert not re.search("secret", f"{away.value} {Address.resolve()!r}")

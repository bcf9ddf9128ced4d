"""Real MLflow servers on free ports, and a way to ask them what they hold."""

import random
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import psutil
import pytest

from bakeoff.tracking.mlflow.address import Address
from bakeoff.tracking.mlflow.server import server_command
from bakeoff.tracking.mlflow.store import Store
from tests.tracking.training import write_splits


def free_port() -> int:
    """A free port below those of outgoing connections, which could take it while its server is down."""
    for port in random.sample(range(15_000, 32_000), 100):
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise AssertionError("no port is free")


class Server:
    """An `mlflow server` that can be killed, hung and started again on the same port and store."""

    def __init__(self, folder: Path, empty: Path | None = None, **options: object) -> None:
        self.folder, self.options = folder, options
        store = options.pop("store", None)
        if store is None and empty is not None:  # a database with its tables: a faster start
            shutil.copy(empty, folder / "server.db")
        self.store = str(store or f"sqlite:///{folder / 'server.db'}")
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = server_command(
            Address(self.store),
            self.folder / "artifacts",
            port=self.port,
            workers=1,
            **self.options,  # type: ignore[arg-type]
        )
        self.process = command.start(self.folder / "server.log")
        deadline = time.monotonic() + 180  # a busy machine
        while time.monotonic() < deadline:
            assert self.process.poll() is None, (self.folder / "server.log").read_text()[-3000:]
            try:
                with urlopen(f"{self.url}/health", timeout=1):
                    return
            except (URLError, OSError):
                time.sleep(0.1)
        raise AssertionError("the server did not come up")

    def processes(self) -> list[psutil.Process]:
        """The server and its workers."""
        assert self.process is not None
        parent = psutil.Process(self.process.pid)
        return [parent, *parent.children(recursive=True)]

    def signal(self, number: signal.Signals) -> None:
        for process in self.processes():
            process.send_signal(number)

    @contextmanager
    def full_disk(self) -> Iterator[None]:
        """The kernel lets it write nothing: as on a full disk, every file is too large."""
        for process in self.processes():
            process.rlimit(psutil.RLIMIT_FSIZE, (0, psutil.RLIM_INFINITY))
        try:
            yield
        finally:
            for process in self.processes():
                process.rlimit(psutil.RLIMIT_FSIZE, (psutil.RLIM_INFINITY, psutil.RLIM_INFINITY))

    def kill(self) -> None:
        if self.process is not None and self.process.poll() is None:
            family = self.processes()
            self.signal(signal.SIGKILL)
            self.process.wait()
            psutil.wait_procs(family, timeout=30)  # its workers hold the port until they are gone

    def requests(self, path: str) -> int:
        """How many requests to this path its log shows."""
        return (self.folder / "server.log").read_text().count(path)


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database without runs: making MLflow's tables takes seconds, copying them does not."""
    database = tmp_path_factory.mktemp("empty") / "mlflow.db"
    Store(Address(f"sqlite:///{database}"))
    return database


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, empty: Path) -> Iterator[Server]:
    found = Server(tmp_path_factory.mktemp("server"), empty)
    found.start()
    yield found
    found.kill()


@pytest.fixture
def room(empty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with its own embedded store; the results of `digits` are below it."""
    shutil.copy(empty, tmp_path / "mlflow.db")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    write_splits(tmp_path / "results/digits")
    return tmp_path

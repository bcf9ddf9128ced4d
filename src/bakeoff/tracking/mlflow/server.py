"""Starts MLflow's own server: the UI of one person, or a tracking server of a group."""

import os
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from bakeoff.errors import TrackingError
from bakeoff.tracking.mlflow.address import EMBEDDED_ARTIFACTS, EMBEDDED_DATABASE, Address
from bakeoff.tracking.presentation import links
from bakeoff.tracking.presentation.views import VARIANTS

QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    # Its job runner starts five more processes for features that bakeoff does not use.
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
}
ADMIN = ("MLFLOW_AUTH_ADMIN_USERNAME", "MLFLOW_AUTH_ADMIN_PASSWORD")


@dataclass(frozen=True)
class ServerCommand:
    """How to start a server: secrets are in `environment`, never among `arguments`."""

    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    url: str

    def start(self, log: Path | None = None) -> subprocess.Popen[bytes]:
        """Start it in the background, its output into `log` or to our own."""
        environment = os.environ | dict(self.environment)
        if log is None:
            return subprocess.Popen(self.arguments, env=environment)
        with log.open("ab") as stream:
            return subprocess.Popen(
                self.arguments, env=environment, stdout=stream, stderr=subprocess.STDOUT
            )

    def run(self) -> NoReturn:
        """Replace this process by the server, so that whatever stops this process stops the server."""
        sys.stdout.flush()
        os.execve(self.arguments[0], self.arguments, os.environ | dict(self.environment))


def serve_ui(uri: str | None, experiment: str, port: int = 5000, *, force: bool = False) -> int:
    """Serve MLflow's pages for the store at `uri` on 127.0.0.1: the process becomes the server.

    `uri` None is as in `sync`. Prints the address of the experiment's training runs, or of the list
    of experiments where it has none yet; of a server that runs already, only that, and 0 is
    returned. Raises TrackingError where the store cannot be used or the port is taken.
    """
    # Imported here, so that a group's server starts without MLflow in this process.
    from bakeoff.tracking.mlflow.experiments import find_experiment, find_or_create_experiment
    from bakeoff.tracking.mlflow.store import Store

    address = Address.resolve(uri, force=force)
    store = Store(address)
    if (found := find_experiment(store, experiment)) is None:
        print(
            f"MLflow has no run of the experiment '{experiment}' yet. Start the bake-off, or send what "
            "there is of it with `bakeoff sync`.",
            flush=True,
        )
        link = links.experiments()
    else:
        find_or_create_experiment(store, experiment)  # with the views that the address names
        link = links.runs(found.id, VARIANTS)
    if address.is_server:
        print(f"MLflow: {links.on(str(address), link)}", flush=True)
        return 0
    command = server_command(address, port=port, force=force, workers=1)
    print(f"MLflow: {links.on(command.url, link)}  (stop with Ctrl-C)", flush=True)
    return command.run()


def server_command(
    store: Address | None = None,
    artifacts: Path | None = None,
    *,
    host: str = "127.0.0.1",
    port: int = 5000,
    allowed_hosts: Sequence[str] = (),
    auth: bool = False,
    workers: int = 2,
    force: bool = False,
) -> ServerCommand:
    """A tracking server that keeps its runs in `store` and passes artifacts on to `artifacts`.

    `store` is SQLite or PostgreSQL, by default the embedded one. Clients need no access to the
    artifacts' folder. `allowed_hosts` are the names under which browsers and jobs may ask, besides
    `host` itself and localhost. `auth` asks for a name and a password: the administrator's come
    from MLFLOW_AUTH_ADMIN_USERNAME and _PASSWORD, or the file that MLFLOW_AUTH_CONFIG_PATH names.
    Raises TrackingError for what cannot work, before anything starts.
    """
    store = store or Address.resolve(f"sqlite:///{EMBEDDED_DATABASE}", force=force)
    if store.is_server:
        raise TrackingError(
            f"server: '{store}' is a server itself. Name the database that it is to keep runs in: "
            "sqlite:///mlflow.db or postgresql://user@host/database (its password in ~/.pgpass)."
        )
    _check_free(host, port)
    names = dict.fromkeys(["localhost", "127.0.0.1", host, *allowed_hosts])
    allowed = [name for name in names if name not in ("0.0.0.0", "::", "")]
    if not auth and host not in ("127.0.0.1", "localhost", "::1"):
        print(
            f"Anybody who reaches {host}:{port} can read and change every run: consider --auth.",
            file=sys.stderr,
        )
    arguments = [sys.executable, "-m", "mlflow", "server", "--host", host, "--port", str(port)]
    arguments += ["--workers", str(workers), "--serve-artifacts"]
    arguments += ["--allowed-hosts", ",".join(f"{name},{name}:{port}" for name in allowed)]
    environment = dict(QUIET)
    # By the environment: an address can hold a password, and everybody can read arguments.
    environment["MLFLOW_BACKEND_STORE_URI"] = store.absolute.uri
    folder = (artifacts or Path(EMBEDDED_ARTIFACTS)).absolute()
    environment["MLFLOW_ARTIFACTS_DESTINATION"] = folder.as_uri()
    if auth:
        _check_credentials()
        arguments += ["--app-name", "basic-auth"]
        if not os.environ.get("MLFLOW_FLASK_SERVER_SECRET_KEY"):
            environment["MLFLOW_FLASK_SERVER_SECRET_KEY"] = os.urandom(32).hex()
    return ServerCommand(tuple(arguments), environment, f"http://{host}:{port}")


def _check_free(host: str, port: int) -> None:
    try:
        with socket.create_server((host, port)):
            return
    except OSError as error:
        raise TrackingError(
            f"server: port {port} on {host} cannot be used: {error.strerror}. "
            "Choose another with --port."
        ) from None


def _check_credentials() -> None:
    if os.environ.get("MLFLOW_AUTH_CONFIG_PATH"):
        return
    missing = [key for key in ADMIN if not os.environ.get(key)]
    if missing:
        raise TrackingError(
            f"server: authentication needs {' and '.join(missing)} in the environment, or the path "
            "of a file with admin_username and admin_password in MLFLOW_AUTH_CONFIG_PATH."
        )

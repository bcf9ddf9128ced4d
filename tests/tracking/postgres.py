"""A real PostgreSQL for MLflow to keep runs in, with a password, on a free port."""

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.debian import program
from tests.tracking.conftest import free_port

USER, PASSWORD = "bakeoff", "battery-staple-2"
BINARIES = "/usr/lib/postgresql/*/bin"


class Postgres:
    """A database cluster in a folder of its own; PostgreSQL refuses to run as root."""

    def __init__(self) -> None:
        self.initdb = program("initdb", "postgresql", BINARIES)
        self.pg_ctl = program("pg_ctl", "postgresql", BINARIES)
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="bakeoff-postgres-"))
        self.uri = f"postgresql://{USER}@127.0.0.1:{self.port}/postgres"
        self.passwords = self.folder / "pgpass"  # as ~/.pgpass
        self.passwords.touch(mode=0o600)
        self.passwords.write_text(f"127.0.0.1:{self.port}:*:{USER}:{PASSWORD}\n")
        given = self.folder / "password"
        given.write_text(PASSWORD)
        self.owner = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        for file in (self.folder, given):
            shutil.chown(file, self.owner)
        options = ["--username", USER, "--pwfile", str(given), "--auth", "scram-sha-256"]
        self._run(self.initdb, "-D", str(self.folder / "data"), "--no-sync", *options)

    def start(self) -> None:
        options = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        log = str(self.folder / "log")
        self._control("start", "-w", "-o", options, "-l", log)

    def kill(self) -> None:
        """End it at once, without a word to its clients."""
        self._control("stop", "-m", "immediate")

    def remove(self) -> None:
        if (self.folder / "data/postmaster.pid").exists():
            self.kill()
        shutil.rmtree(self.folder)

    def _control(self, *arguments: str) -> None:
        self._run(self.pg_ctl, "-D", str(self.folder / "data"), *arguments)

    def _run(self, *command: str) -> None:
        with (self.folder / "said").open("w+") as said:  # a pipe would wait for the daemon
            done = subprocess.run(
                command, user=self.owner, stdout=said, stderr=subprocess.STDOUT, check=False
            )
            said.seek(0)
            assert done.returncode == 0, said.read()

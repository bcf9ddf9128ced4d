"""Bring the cluster up, tear it down, break and mend parts of it."""

import os
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.cluster import configuration, daemons, second
from tests.cluster.layout import DAEMONS, NODES, ClusterError, Layout


@dataclass(frozen=True)
class SlurmCluster:
    """A running SLURM: its environment, its commands, and ways to break it."""

    layout: Layout

    @classmethod
    def up(cls, root: Path) -> "SlurmCluster":
        """Start a cluster in `root`, or return the one that already runs there."""
        running = Layout.read(root)
        if running is not None:
            if all(daemons.find(running, daemon) for daemon in DAEMONS):
                return cls(running)
            cls(running).down()
        cluster = cls(Layout.create(root))
        try:
            cluster._start()
        except BaseException:
            cluster._stop()
            raise
        return cluster

    @classmethod
    def find(cls, root: Path) -> "SlurmCluster | None":
        """The cluster that was started in `root`, running or not."""
        layout = Layout.read(root)
        return None if layout is None else cls(layout)

    @property
    def env(self) -> dict[str, str]:
        """The environment for processes that should use this cluster."""
        return self.layout.environment()

    def run(self, *command: str, check: bool = True) -> str:
        """Run a SLURM command against this cluster and return its output.

        A controller that runs but refuses connections, as a busy one does, is asked again.
        """
        deadline = time.monotonic() + 20
        while True:
            done = subprocess.run(
                command, env=self.env, capture_output=True, text=True, timeout=60, check=False
            )
            busy = "Unable to contact slurm controller" in done.stderr
            alive = busy and daemons.find(self.layout, "slurmctld") is not None
            if not alive or time.monotonic() > deadline:
                break
            time.sleep(0.5)
        if check and done.returncode != 0:
            raise ClusterError(f"{' '.join(command)}: {done.stderr.strip()}")
        return done.stdout.strip()

    def states(self) -> dict[str, str | None]:
        """Every daemon's pid as text, None where it does not run."""
        found = {daemon: daemons.find(self.layout, daemon) for daemon in DAEMONS}
        return {daemon: str(process.pid) if process else None for daemon, process in found.items()}

    def stop_controller(self) -> None:
        """End slurmctld, as in a maintenance."""
        daemons.stop(self.layout, "slurmctld")

    def start_controller(self) -> None:
        """Start slurmctld again; it recovers jobs and nodes from its state."""
        daemons.start(self.layout, "slurmctld")
        self._wait_for_controller()

    def restart_controller(self) -> None:
        """Let slurmctld read its configuration again."""
        self.stop_controller()
        self.start_controller()

    def kill_node(self, node: str) -> None:
        """A power loss: slurmd, the steps and the jobs on it die at once."""
        processes = daemons.step_processes(self.layout, node)
        daemons.stop(self.layout, f"slurmd-{node}", signal.SIGKILL)
        daemons.end(processes, signal.SIGKILL)

    def start_node(self, node: str) -> None:
        """Start a killed node again and bring it back into service."""
        daemons.start(self.layout, f"slurmd-{node}")
        self.resume()

    def resume(self) -> None:
        """Bring every node that was drained or set down back into service."""
        self.run("scontrol", "update", f"nodename={','.join(NODES)}", "state=resume", check=False)

    def mend(self) -> None:
        """Bring back whatever a test broke, and empty the queue."""
        if daemons.find(self.layout, "slurmctld") is None:
            self.start_controller()
        for node in NODES:
            if daemons.find(self.layout, f"slurmd-{node}") is None:
                daemons.start(self.layout, f"slurmd-{node}")
        self.clear()
        self.resume()
        self._wait_for_controller()

    def clear(self) -> None:
        """Cancel all jobs and wait until the nodes are idle."""
        self.run("scancel", "--full", "--user=root", check=False)
        deadline = time.monotonic() + 30
        while self.run("squeue", "--noheader", "--format=%i") and time.monotonic() < deadline:
            time.sleep(0.2)

    @contextmanager
    def without_accounting(self) -> Iterator[None]:
        """The same cluster as a site that keeps no accounts: squeue is all that there is."""
        conf = self.layout.slurm_conf
        usual = conf.read_text()
        kept = [line for line in usual.splitlines() if not line.startswith("AccountingStorage")]
        conf.write_text("\n".join([*kept, "AccountingStorageType=accounting_storage/none", ""]))
        try:
            self.restart_controller()
            yield
        finally:
            self.clear()
            conf.write_text(usual)
            self.restart_controller()

    @contextmanager
    def partition(self, **settings: str) -> Iterator[None]:
        """The partition `main` with other settings, as in `PreemptMode=CANCEL`."""
        shown = self.run("scontrol", "show", "partition", "main", "--oneliner")
        now = dict(word.partition("=")[::2] for word in shown.split())
        usual = [f"{name}={now[name]}" for name in settings]
        update = ("scontrol", "update", "partitionname=main")
        self.run(*update, *(f"{name}={value}" for name, value in settings.items()))
        try:
            yield
        finally:
            self.run(*update, *usual)

    def down(self) -> None:
        """End all daemons and jobs of this cluster, and nothing else, then remove its folder."""
        self._stop()
        shutil.rmtree(self.layout.root, ignore_errors=True)

    def _stop(self) -> None:
        second.stop(self.layout.root)  # left behind by a test that was killed
        steps = daemons.step_processes(self.layout)
        for daemon in reversed(DAEMONS):
            daemons.stop(self.layout, daemon)
        # And those that began while the daemons ended.
        daemons.end([*steps, *daemons.step_processes(self.layout)], signal.SIGKILL)

    def _start(self) -> None:
        layout = self.layout
        self._write_configuration()
        daemons.start(layout, "munged")
        self._create_database()
        daemons.start(layout, "mariadbd")
        for daemon in DAEMONS:
            if daemon.startswith("slurmd-"):
                daemons.start(layout, daemon)
        daemons.wait_until(
            lambda: daemons.listens(layout.mariadb), "MariaDB is silent", layout.log("mariadbd")
        )
        sql = "CREATE USER slurm@'%' IDENTIFIED BY 'slurm'; GRANT ALL ON slurm_acct.* TO slurm@'%';"
        self._mariadb(sql)
        daemons.start(layout, "slurmdbd")
        daemons.wait_until(
            lambda: daemons.succeeds(["sacctmgr", "-n", "list", "cluster"], layout),
            "slurmdbd is silent",
            layout.log("slurmdbd"),
        )
        for command in (
            ("add", "cluster", "bakeoff"),
            ("add", "account", "research", "Description=tests", "Organization=tests"),
            ("add", "user", "root", "Account=research"),
        ):
            self.run("sacctmgr", "--immediate", *command, check=False)
        daemons.start(layout, "slurmctld")
        self._wait_for_controller()

    def _write_configuration(self) -> None:
        layout = self.layout
        for folder in ("log", "run", "state", "spool", "gpu", "munge", "mariadb"):
            (layout.root / folder).mkdir(exist_ok=True)
        # munged refuses a key or socket that others could replace.
        key = layout.root / "munge" / "munge.key"
        key.write_bytes(secrets.token_bytes(1024))
        key.chmod(0o400)
        for index in range(configuration.GPUS):
            (layout.root / "gpu" / f"gpu{index}").touch()
        layout.slurm_conf.write_text(configuration.slurm_conf(layout))
        (layout.root / "gres.conf").write_text(configuration.gres_conf(layout))
        (layout.root / "mariadb" / "my.cnf").write_text(configuration.mariadb_conf(layout))
        slurmdbd = layout.root / "slurmdbd.conf"
        slurmdbd.write_text(configuration.slurmdbd_conf(layout))
        slurmdbd.chmod(0o600)

    def _create_database(self) -> None:
        folder = self.layout.root / "mariadb"
        command = [
            "mariadb-install-db",
            f"--defaults-file={folder / 'my.cnf'}",
            "--user=root",
            "--auth-root-authentication-method=socket",
            "--skip-test-db",
        ]
        done = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)
        if done.returncode != 0:
            log = self.layout.log("mariadbd")
            tail = log.read_text()[-2000:] if log.exists() else done.stdout[-2000:]
            raise ClusterError(
                f"mariadb-install-db failed; its log ends:\n{tail}{done.stderr[-500:]}"
            )

    def _mariadb(self, sql: str) -> None:
        command = ["mariadb", f"--socket={self.layout.mariadb_socket}", "--execute", sql]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise ClusterError(f"mariadb: {done.stderr[-500:]}")

    def _wait_for_controller(self) -> None:
        layout = self.layout

        def ready() -> bool:
            states = self.run("sinfo", "-h", "-N", "-p", "main", "-o", "%T", check=False).split()
            return len(states) == len(NODES) and all(
                state in ("idle", "mixed", "allocated") for state in states
            )

        daemons.wait_until(ready, "the nodes are not ready", layout.log("slurmctld"))


def default_root() -> Path:
    """The folder of `make cluster-up`: beside the sources, ignored by git."""
    return Path(os.environ.get("BAKEOFF_CLUSTER", Path(__file__).parents[2] / ".cluster"))

"""Where the cluster's files lie and on which ports it listens; kept in `cluster.json`."""

import json
import os
import socket
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

NODES = ("gr001", "gr002", "gr003", "gr004")
DAEMONS = ("munged", "mariadbd", "slurmdbd", "slurmctld", *(f"slurmd-{node}" for node in NODES))
# The kernel's limit for the path of a Unix socket, less the terminating zero.
LONGEST_SOCKET = 107


class ClusterError(Exception):
    """The test cluster cannot be started; the message says what to do."""


@dataclass(frozen=True)
class Layout:
    """The folder and ports of one cluster; several may run beside each other."""

    root: Path
    slurmctld: int
    slurmdbd: int
    mariadb: int
    slurmd: tuple[int, ...]

    @classmethod
    def create(cls, root: Path) -> "Layout":
        """Choose free ports and write them down, so that `down` and `status` find the cluster."""
        root = root.resolve()
        root.mkdir(parents=True, exist_ok=True)
        root.chmod(0o755)
        ports = free_ports(3 + len(NODES))
        layout = cls(root, ports[0], ports[1], ports[2], tuple(ports[3:]))
        if len(str(layout.mariadb_socket)) > LONGEST_SOCKET:
            raise ClusterError(f"{root}: the path is too long for Unix sockets; choose a shorter.")
        layout.write()
        return layout

    def write(self) -> None:
        """Write it down."""
        text = json.dumps(asdict(self) | {"root": str(self.root)}, indent=2)
        (self.root / "cluster.json").write_text(text + "\n")

    @classmethod
    def read(cls, root: Path) -> "Layout | None":
        """The cluster that was started in `root`, or None."""
        try:
            values = json.loads((root.resolve() / "cluster.json").read_text())
        except FileNotFoundError:
            return None
        values |= {"root": Path(values["root"]), "slurmd": tuple(values["slurmd"])}
        return cls(**values)

    @property
    def slurm_conf(self) -> Path:
        """The file that SLURM_CONF points to."""
        return self.root / "slurm.conf"

    @property
    def munge_socket(self) -> Path:
        """The socket of this cluster's own munged."""
        return self.root / "munge" / "munge.socket"

    @property
    def mariadb_socket(self) -> Path:
        """The socket of this cluster's own MariaDB."""
        return self.root / "mariadb" / "mariadb.socket"

    def log(self, daemon: str) -> Path:
        """The log file of a daemon."""
        return self.root / "log" / f"{daemon}.log"

    def pid_file(self, daemon: str) -> Path:
        """Where the pid of a started daemon is noted, with its start time."""
        return self.root / "run" / f"{daemon}.pid"

    def environment(self) -> dict[str, str]:
        """The environment in which SLURM's commands talk to this cluster."""
        path = os.environ.get("PATH", "")
        return os.environ | {
            "SLURM_CONF": str(self.slurm_conf),
            # Daemons live in sbin, which a user's PATH may lack.
            "PATH": f"{path}:/usr/sbin:/sbin",
        }


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody listens on, all different."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for item in sockets:
            item.bind(("127.0.0.1", 0))
        return [item.getsockname()[1] for item in sockets]

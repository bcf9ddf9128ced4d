"""The address of MLflow: from the configuration, from the environment, or the embedded store's."""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psutil

from bakeoff.errors import TrackingError

EMBEDDED_DATABASE = "mlflow.db"
EMBEDDED_ARTIFACTS = "mlartifacts"

NETWORK_FILE_SYSTEMS = re.compile(
    r"^(nfs\d?|lustre|gpfs|beegfs(_nodev)?|ceph|glusterfs|fuse\.(sshfs|glusterfs|ceph.*|beegfs)"
    r"|cifs|smb3?|smbfs|panfs|wekafs|pvfs2|orangefs|afs|9p|vastnfs)$"
)
"""File systems of several machines: SQLite's locks are not safe there (sqlite.org/faq.html#q5)."""


@dataclass(frozen=True)
class Address:
    """A tracking address that was checked; `uri` may hold a password, `str()` never does."""

    uri: str

    @classmethod
    def resolve(cls, configured: str | None = None, *, force: bool = False) -> "Address":
        """The configured address, else MLFLOW_TRACKING_URI, else `sqlite:///mlflow.db` here.

        Raises TrackingError for an address that MLflow cannot use, and for SQLite on a network
        file system unless `force`.
        """
        uri = (
            configured or os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{EMBEDDED_DATABASE}"
        )
        address = cls(uri)
        scheme = urlsplit(uri).scheme
        if scheme not in ("http", "https", "sqlite") and not scheme.startswith("postgresql"):
            raise TrackingError(
                f"tracking.uri: '{address}': expected http(s)://server:port, sqlite:///file.db or "
                "postgresql://..., the addresses under which MLflow keeps runs."
            )
        if configured and urlsplit(configured).password:
            raise TrackingError(
                f"tracking.uri: '{address}' came with a password, and configurations are stored "
                "with every run. Give it by MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, "
                "in ~/.mlflow/credentials, or for PostgreSQL in ~/.pgpass."
            )
        if address.database is not None and not force:
            _refuse_network(address.database)
        return address

    @property
    def is_server(self) -> bool:
        """Whether an MLflow server answers there."""
        return self.uri.startswith(("http://", "https://"))

    @property
    def database(self) -> Path | None:
        """The SQLite file, absolute; None for another kind of store."""
        if not self.uri.startswith("sqlite:///"):
            return None
        return Path(self.uri.removeprefix("sqlite:///")).absolute()

    @property
    def absolute(self) -> "Address":
        """The same address for a process that runs in another folder."""
        return self if self.database is None else Address(f"sqlite:///{self.database}")

    def __str__(self) -> str:
        parts = urlsplit(self.uri)
        if "@" not in parts.netloc:
            return self.uri
        return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))

    def __repr__(self) -> str:
        return f"Address({str(self)!r})"


def file_system(path: Path) -> str:
    """The type of the file system that holds `path`, which need not exist; '' where unknown."""
    resolved = path.resolve()
    mounts = {
        Path(partition.mountpoint): partition.fstype
        for partition in psutil.disk_partitions(all=True)
    }
    for folder in (resolved, *resolved.parents):
        if folder in mounts:
            return mounts[folder]
    return ""


def _refuse_network(database: Path) -> None:
    kind = file_system(database.parent)
    if NETWORK_FILE_SYSTEMS.match(kind):
        raise TrackingError(
            f"tracking.uri: {database} is on a network file system ({kind}), where SQLite can lose "
            "what several jobs write at once. Start a server with `make server` and set "
            "tracking.uri to its address, put the file on a local disk, or force it with "
            "`tracking: {force: true}` if only one process at a time will write."
        )

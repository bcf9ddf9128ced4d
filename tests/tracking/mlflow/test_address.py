import re
from pathlib import Path

import pytest

from bakeoff.errors import TrackingError
from bakeoff.tracking.mlflow import address
from bakeoff.tracking.mlflow.address import NETWORK_FILE_SYSTEMS, Address, file_system


def test_the_configuration_goes_before_the_environment_before_the_embedded_store(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert Address.resolve().database == tmp_path / "mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:5000")
    assert Address.resolve().uri == "http://127.0.0.1:5000"
    assert Address.resolve("postgresql://ada@db/mlflow").uri == "postgresql://ada@db/mlflow"
    with pytest.raises(TrackingError, match="'file:///runs': expected http"):
        Address.resolve("file:///runs")


def test_sqlite_on_a_network_file_system_is_refused_unless_forced(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    here = file_system(tmp_path / "not/there/yet")
    assert here
    for kind in ("nfs4", "lustre", "gpfs", "beegfs_nodev", "fuse.sshfs", "cifs", "wekafs"):
        assert NETWORK_FILE_SYSTEMS.match(kind)
    for kind in ("ext4", "xfs", "tmpfs", "overlay", "btrfs", "zfs"):
        assert not NETWORK_FILE_SYSTEMS.match(kind)
    # Nobody has NFS at hand in a test: count this machine's own file system as one.
    monkeypatch.setattr(address, "NETWORK_FILE_SYSTEMS", re.compile(re.escape(here)))
    with pytest.raises(TrackingError, match=rf"network file system \({here}\).*make server"):
        Address.resolve(f"sqlite:///{tmp_path}/mlflow.db")
    assert Address.resolve(f"sqlite:///{tmp_path}/mlflow.db", force=True).database
    assert Address.resolve("http://127.0.0.1:1").is_server

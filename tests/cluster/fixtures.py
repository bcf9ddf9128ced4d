"""The fixture `slurm`: a real SLURM for a test, started once per test process."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.cluster import packages
from tests.cluster.cluster import SlurmCluster
from tests.cluster.layout import ClusterError

PLACE = Path(tempfile.gettempdir())
PREFIX = "bakeoff-slurm-"


@pytest.fixture(scope="session")
def slurm_cluster() -> Iterator[SlurmCluster]:
    """The cluster of this process: each of xdist's workers has one of its own."""
    reason = packages.obstacle()
    if reason:
        _refuse(reason)
    root = PLACE / f"{PREFIX}{os.getpid()}"
    with locked(PLACE / "bakeoff-slurm.lock"):
        remove_orphans()
        try:
            packages.install()
            cluster = SlurmCluster.up(root)
        except ClusterError as error:
            _refuse(str(error))
    try:
        yield cluster
    finally:
        cluster.down()


@pytest.fixture
def slurm(slurm_cluster: SlurmCluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[SlurmCluster]:
    """The cluster, with SLURM_CONF pointing to it; mended afterwards."""
    monkeypatch.setenv("SLURM_CONF", str(slurm_cluster.layout.slurm_conf))
    with mended(slurm_cluster):
        yield slurm_cluster


@contextmanager
def mended(cluster: SlurmCluster) -> Iterator[None]:
    """Bring back afterwards what was broken."""
    try:
        yield
    finally:
        cluster.mend()


def remove_orphans() -> None:
    """End clusters whose process was killed."""
    for root in PLACE.glob(f"{PREFIX}*"):
        if psutil.pid_exists(int(root.name.removeprefix(PREFIX))):
            continue
        cluster = SlurmCluster.find(root)
        if cluster is not None:
            cluster.down()
        shutil.rmtree(root, ignore_errors=True)


def _refuse(reason: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason}; CI is to run the tests on a real SLURM")
    pytest.skip(reason)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep other processes that ask for the same file waiting."""
    with path.open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield

"""The fixture `slurm`: a real SLURM for a test, started once and shared by all of xdist's workers."""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.cluster import packages
from tests.cluster.cluster import SlurmCluster
from tests.cluster.layout import ClusterError


@pytest.fixture(scope="session")
def slurm_cluster() -> Iterator[SlurmCluster]:
    """The cluster of this test run: the first worker starts it, the last one ends it."""
    reason = packages.obstacle()
    if reason:
        _refuse(reason)
    remove_orphans()
    # All workers of a run share its id; without xdist the process is the run.
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", f"pid-{os.getpid()}")[:12]
    root = Path(tempfile.gettempdir()) / f"bakeoff-slurm-{run}"
    root.mkdir(exist_ok=True)
    users = root / "users"
    me = users / str(os.getpid())
    with locked(root / "start.lock"):
        users.mkdir(exist_ok=True)
        try:
            packages.install()
            cluster = SlurmCluster.up(root / "c")
        except ClusterError as error:
            _refuse(str(error))
        me.touch()
    try:
        yield cluster
    finally:
        with locked(root / "start.lock"):
            me.unlink(missing_ok=True)
            last = not any(users.iterdir())
            if last:
                cluster.down()
        if last:
            _remove(root)


@pytest.fixture
def slurm(slurm_cluster: SlurmCluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[SlurmCluster]:
    """The cluster for one test alone, with SLURM_CONF pointing to it; mended afterwards."""
    monkeypatch.setenv("SLURM_CONF", str(slurm_cluster.layout.slurm_conf))
    with alone(slurm_cluster):
        yield slurm_cluster


@contextmanager
def alone(cluster: SlurmCluster) -> Iterator[None]:
    """Keep other tests away from the cluster, since tests break nodes and the controller."""
    with locked(cluster.layout.root.parent / "test.lock"):
        try:
            yield
        finally:
            cluster.mend()


def remove_orphans() -> None:
    """End clusters whose test run was killed: none of their users lives any more."""
    for root in Path(tempfile.gettempdir()).glob("bakeoff-slurm-*"):
        with locked(root / "start.lock"):
            users = list((root / "users").glob("*"))
            if not users or any(psutil.pid_exists(int(user.name)) for user in users):
                continue
            cluster = SlurmCluster.find(root / "c")
            if cluster is not None:
                cluster.down()
        _remove(root)


def _remove(root: Path) -> None:
    for path in (*root.glob("users/*"), root / "users", *root.glob("*.lock"), root / "c", root):
        if path.is_dir():
            path.rmdir()
        else:
            path.unlink(missing_ok=True)


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

"""What every test may use: the real SLURM, and the real images where they are."""

import os
import signal
from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from tests.cluster.fixtures import slurm, slurm_cluster

# Once, here: a session fixture that each folder imports is a cluster of its own in each of them.
__all__ = ["slurm", "slurm_cluster"]

PROJECT = Path(__file__).parents[1]
SHARED = PROJECT / "../shared/data"


if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell starts background jobs so, and what the tests start and interrupt would inherit it.
    signal.signal(signal.SIGINT, signal.default_int_handler)


class OnOneCluster(LoadFileScheduling):  # type: ignore[misc]
    """Files stay together, and all that need the cluster do: they would wait for each other."""

    def _split_scope(self, nodeid: str) -> str:
        file = str(super()._split_scope(nodeid))
        needs_cluster = "pytest.mark.cluster" in (PROJECT / file).read_text()
        return "cluster" if needs_cluster else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> OnOneCluster | None:
    """Let one worker run the cluster's tests, which wait more than they work."""
    return OnOneCluster(config, log) if config.getoption("dist") == "loadfile" else None


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real NIH images and tables; without it the test is skipped, in CI it fails."""
    if SHARED.is_dir():
        return SHARED.resolve()
    reason = "the real NIH images (../shared/data) are not on this machine"
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason}, but CI is to run these tests")
    pytest.skip(reason)


@pytest.fixture(scope="session", autouse=True)
def scratch_store(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whatever a test sends without saying where goes to a store of its own, not into the checkout."""
    store = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{store}"

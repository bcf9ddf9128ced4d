"""What every test may use: the real SLURM, and the real images where they are."""

import os
import signal
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.fixtures import slurm, slurm_cluster

# Once, here: a session fixture that each folder imports is a cluster of its own in each of them.
__all__ = ["slurm", "slurm_cluster"]

QUICK, SLOW = 0.3, 10.0  # seconds that a test takes, about; `slow(seconds=...)` says it of one
SHARED = Path(__file__).parents[1] / "../shared/data"


# One thread for each process that the tests start: they share few cores, and each would take them all.
os.environ.setdefault("OMP_NUM_THREADS", "1")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell starts background jobs so, and what the tests start and interrupt would inherit it.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where several processes share the files, the longest come first, so that none is left last."""
    if hasattr(config, "workerinput"):
        seconds: dict[Path, float] = defaultdict(float)
        for item in items:
            slow = item.get_closest_marker("slow")
            seconds[item.path] += QUICK if slow is None else slow.kwargs.get("seconds", SLOW)
        items.sort(key=lambda item: -seconds[item.path])


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


@pytest.fixture(autouse=True)
def store_of_the_environment(scratch_store: None) -> Iterator[None]:
    """The store in the environment stays as it was: MLflow writes there whichever one it is pointed to."""
    before = os.environ["MLFLOW_TRACKING_URI"]
    yield
    os.environ["MLFLOW_TRACKING_URI"] = before

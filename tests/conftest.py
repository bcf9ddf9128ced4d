"""What every test may use: the real SLURM, and the real images where they are."""

import os
from pathlib import Path

import pytest

from tests.cluster.fixtures import slurm, slurm_cluster

# Once, here: a session fixture that each folder imports is a cluster of its own in each of them.
__all__ = ["slurm", "slurm_cluster"]

SHARED = Path(__file__).parents[1] / "../shared/data"


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

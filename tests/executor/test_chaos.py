"""A workflow under fire ends like an undisturbed one."""

import pytest

from tests.cluster.cluster import SlurmCluster
from tests.executor.chaos import let_loose
from tests.executor.workflow import Workflow

pytestmark = [pytest.mark.cluster, pytest.mark.slow]


def test_random_disturbances_lose_nothing(workflow: Workflow, slurm: SlurmCluster) -> None:
    """The short form of `python -m tests.executor.chaos`."""
    wanted = {"preempt": 3, "requeue": 1, "fail_node": 1, "kill": 1}
    chaos = let_loose(workflow, slurm, wanted, jobs=3, steps=40, seed=7, pause=1.0)
    assert chaos.done == wanted, "every kind of disturbance found a job to disturb"

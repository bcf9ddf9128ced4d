"""Workflows on the real SLURM and on this machine."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.cluster import SlurmCluster
from tests.executor.workflow import Workflow


@pytest.fixture
def workflow(slurm: SlurmCluster, tmp_path: Path) -> Iterator[Workflow]:
    """A workflow on the real SLURM; a Snakemake that a failed test left behind is ended."""
    workflow = Workflow(tmp_path, "slurm")
    yield workflow
    workflow.end()


@pytest.fixture
def local_workflow(tmp_path: Path) -> Iterator[Workflow]:
    """A workflow on this machine, through the same code."""
    workflow = Workflow(tmp_path, "local")
    yield workflow
    workflow.end()

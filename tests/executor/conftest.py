"""Workflows on the real SLURM and on this machine."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.cluster import SlurmCluster
from tests.executor.job import Job
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


@pytest.fixture
def job(tmp_path: Path) -> Iterator[Job]:
    """A job; what a failed test leaves running is ended."""
    job = Job(tmp_path)
    yield job
    for run in job.runs:
        if run.poll() is None:
            os.killpg(run.pid, 9)
            run.wait()

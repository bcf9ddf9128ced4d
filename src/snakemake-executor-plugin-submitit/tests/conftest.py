"""What the tests that need no cluster share; they run by themselves, from the sdist as well."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from job import Job


@pytest.fixture
def job(tmp_path: Path) -> Iterator[Job]:
    """A job; what a failed test leaves running is ended."""
    job = Job(tmp_path)
    yield job
    for run in job.runs:
        if run.poll() is None:
            os.killpg(run.pid, 9)
            run.wait()

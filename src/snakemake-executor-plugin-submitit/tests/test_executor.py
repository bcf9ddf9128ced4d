"""Snakemake hands jobs over in one thread while another one looks at those that run."""

import asyncio
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest

from snakemake_executor_plugin_submitit.executor import Executor


@pytest.fixture
def impatient() -> Iterator[None]:
    """Threads take turns as often as they can, so that what may happen does."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


@pytest.mark.usefixtures("impatient")
def test_jobs_may_be_handed_over_while_others_are_looked_at() -> None:
    tasks: dict[Any, Any] = {number: SimpleNamespace(info=object()) for number in range(1000)}
    executor = Executor.__new__(Executor)
    executor._tasks, executor._cancelled = tasks, True  # nothing but the jobs is looked at
    active = [task.info for task in tasks.values()]

    async def look() -> None:
        for _ in range(300):
            assert len([info async for info in executor.check_active_jobs(active)]) == len(active)

    with ThreadPoolExecutor(1) as pool:
        looking = pool.submit(asyncio.run, look())
        while not looking.done():
            ready = [object() for _ in range(50)]
            for job in ready:
                tasks[job] = SimpleNamespace(info=object())
            for job in ready:
                del tasks[job]
        looking.result()

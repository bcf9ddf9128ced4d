"""Cores that a process may use, and threads beyond them."""

import logging
import os
from pathlib import Path

import psutil
import pytest

from bakeoff.cores import MACHINE, Cores, busy, cores
from bakeoff.training.job import warn_of_threads

HERE = len(os.sched_getaffinity(0))
NOWHERE = Path("/nowhere")


def test_outside_of_a_job_the_process_has_what_it_is_bound_to() -> None:
    assert cores({}, NOWHERE).number == HERE
    bound = {min(os.sched_getaffinity(0))}
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, bound)
    try:
        assert cores({}, NOWHERE).number == 1
    finally:
        os.sched_setaffinity(0, before)


def test_a_job_has_what_slurm_gave_it() -> None:
    given = cores({"SLURM_CPUS_PER_TASK": "1"}, NOWHERE)
    assert given.number == 1 and given.too_few(1) == ""
    assert (
        given.too_few(4).startswith(
            "training.threads is 4, and SLURM gave this job (resources.cpus_per_task) 1: "
        )
        or HERE == 1
    )  # then the machine itself has no more


def test_a_job_that_is_not_bound_to_its_cores_has_those_that_slurm_says() -> None:
    assert cores({"SLURM_CPUS_ON_NODE": "1"}, NOWHERE).number == 1
    both = {"SLURM_CPUS_ON_NODE": "1", "SLURM_CPUS_PER_TASK": str(HERE + 5)}
    assert cores(both, NOWHERE).number == cores({}, NOWHERE).number


@pytest.mark.parametrize(
    ("files", "count"),
    [
        ({"cpu.max": "150000 100000"}, 2),
        ({"cpu.max": "50000 100000"}, 1),
        ({"cpu.max": "max 100000"}, HERE),
        ({"cpu/cpu.cfs_quota_us": "100000", "cpu/cpu.cfs_period_us": "100000"}, 1),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, HERE),
    ],
)
def test_a_container_has_what_its_quota_is_worth(
    tmp_path: Path, files: dict[str, str], count: int
) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert cores({}, tmp_path).number == min(HERE, count)


@pytest.mark.parametrize(
    ("threads", "percent", "told"),
    [(2, 90.0, True), (2, 10.0, False), (1, 100.0, False), (4, 0.0, False)],
)
def test_threads_beside_busy_processes_are_told(
    monkeypatch: pytest.MonkeyPatch, threads: int, percent: float, told: bool
) -> None:
    monkeypatch.setattr(psutil, "cpu_percent", lambda seconds: percent)
    count = max(2, threads)
    said = busy(threads, Cores(count, MACHINE))
    assert ("1.8 of this machine's 2 cores busy" in said) == told == bool(said)
    assert busy(threads, Cores(count, "SLURM gave this job")) == ""


def test_a_job_says_at_its_start_that_it_has_too_few_cores(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "1")
    with caplog.at_level(logging.WARNING, "bakeoff"):
        warn_of_threads(1)
        assert not caplog.messages
        warn_of_threads(HERE + 1)
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith(f"training.threads is {HERE + 1}, and ")

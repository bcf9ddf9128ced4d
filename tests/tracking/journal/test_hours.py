"""GPU-hours and CPU-hours by journals that the trainer's own class writes."""

from pathlib import Path
from typing import Any

import pytest

from bakeoff.tracking.journal.events import Event, Status, Tags
from bakeoff.tracking.journal.hours import training_hours
from bakeoff.tracking.journal.journal import Journal, read

BEGUN = 1_780_000_000.0


def record(**resources: Any) -> dict[str, Any]:
    return {"config": {"resources": resources, "training": {"threads": 4}}}


def journalled(folder: Path, *jobs: tuple[float, str | None, dict[str, str]]) -> list[Event]:
    """Jobs of so many seconds, how they ended (None: killed, after a measurement), and their tags."""
    journal = Journal.start(folder, "digits", "conv", 0, digest="d")
    at = BEGUN
    for step, (seconds, end, tags) in enumerate(jobs, 1):
        journal.append(Status(time=at, status="RUNNING"), Tags(time=at, values=tags))
        journal.metrics(step, {"system/cpu": 1.0}, at=at + seconds)
        if end is not None:
            journal.append(Status(time=at + seconds, status=end))  # type: ignore[arg-type]
        at += seconds + 1800  # in the queue, which costs nothing
    return read(journal.path)


A100 = {"device": "cuda:0", "gpu": "NVIDIA A100"}
V100 = {"device": "cuda:0", "gpu": "Tesla V100"}
PROCESSOR = {"device": "cpu"}


def test_every_job_of_a_requeued_run_counts_and_the_queue_does_not(tmp_path: Path) -> None:
    events = journalled(
        tmp_path,
        (3600, "SCHEDULED", A100),
        (1800, None, A100),  # killed: what it did since its checkpoint was lost, and paid
        (900, "FINISHED", A100),
    )
    found = training_hours(events, record(gpu=1))
    assert (found.jobs, found.devices, found.unit) == (3, ["NVIDIA A100"], "GPU")
    assert found.value == pytest.approx(1.75)


def test_each_gpu_counts(tmp_path: Path) -> None:
    events = journalled(tmp_path, (3600, "FINISHED", A100))
    assert training_hours(events, record(gpu=4)).value == 4.0
    assert training_hours(events, record(nodes=2, tasks=8)).value == 8.0


def test_without_a_gpu_each_thread_counts_whatever_was_asked_for(tmp_path: Path) -> None:
    found = training_hours(journalled(tmp_path, (1800, "FINISHED", PROCESSOR)), record(gpu=1))
    assert (found.unit, found.value, found.devices) == ("CPU", 2.0, ["CPU"])


def test_two_kinds_of_gpu_are_both_named(tmp_path: Path) -> None:
    events = journalled(tmp_path, (1800, "SCHEDULED", A100), (1800, "FINISHED", V100))
    found = training_hours(events, record(gpu=1))
    assert (found.devices, found.value) == (["NVIDIA A100", "Tesla V100"], 1.0)


def test_hours_of_a_gpu_and_of_a_cpu_are_not_added(tmp_path: Path) -> None:
    events = journalled(tmp_path, (1800, "SCHEDULED", A100), (1800, "FINISHED", PROCESSOR))
    found = training_hours(events, record(gpu=1))
    assert (found.devices, found.unit, found.value) == (["NVIDIA A100", "CPU"], "", None)


def test_without_a_journal_the_history_and_run_json_tell() -> None:
    told = record() | {"provenance": {"device": "cpu", "gpu": None}}
    found = training_hours([], told, otherwise=900.0)
    assert (found.jobs, found.value) == (0, 1.0)
    assert training_hours([], {}, otherwise=900.0).value is None, "on what it trained is not known"

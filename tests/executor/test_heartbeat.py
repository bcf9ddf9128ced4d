"""A job that is replaced, cancelled or run twice sees it while it runs, and ends before it writes more."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from snakemake_executor_plugin_submitit import records
from snakemake_executor_plugin_submitit.heartbeat import Beat
from snakemake_executor_plugin_submitit.layout import Layout
from snakemake_executor_plugin_submitit.spec import JobSpec
from snakemake_executor_plugin_submitit.worker import SUPERSEDED
from tests.waiting import eventually

# A command that starts others and ignores whatever can be ignored.
STUBBORN = """
trap '' TERM INT USR2
(while true; do echo $$ >> trace; sleep 0.1; done) &
wait
"""
SAVES = "trap 'sleep 1; echo saved > saved; exit 75' TERM; echo $$ >> trace; sleep 60 & wait"
BEAT = 0.3


class Job:
    """A job's folder, its entry in the registry, and the processes that run it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.layout = Layout.create(folder / "submitit")
        self.place = self.layout.new_submission("job")
        self.runs: list[subprocess.Popen[bytes]] = []

    def start(self, command: str, beat: float = BEAT) -> "subprocess.Popen[bytes]":
        """Run it as a job of SLURM's would, as often as one likes."""
        self.enter(key="first")
        spec = JobSpec(
            key="first", identity="it", name="job", root=str(self.layout.root),
            workdir=str(self.folder), command=command, nested=False, beat=beat,
        )  # fmt: skip
        spec.write(self.place / "0.json")
        run = f"from {Worker}; import sys; print(Worker(sys.argv[1])())"
        environment = os.environ | {"SUBMITIT_EXECUTOR": "slurm", "SLURM_JOB_ID": "7"}
        with (self.folder / "log").open("ab") as log:
            self.runs.append(
                subprocess.Popen(
                    [sys.executable, "-c", run, str(self.place / "0.json")],
                    env=environment,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            )
        return self.runs[-1]

    def enter(self, key: str, cancelled: bool = False) -> None:
        """What the registry says of the job's outputs."""
        entry = {"identity": "it", "key": key, "cancelled": cancelled}
        records.write(self.layout.registry / "it.json", entry)

    def lines(self) -> list[str]:
        """What the command wrote."""
        path = self.folder / "trace"
        return path.read_text().split() if path.exists() else []


Worker = "snakemake_executor_plugin_submitit.worker import Worker"


@pytest.fixture
def job(tmp_path: Path) -> Iterator[Job]:
    """A job; what a failed test leaves running is ended."""
    job = Job(tmp_path)
    yield job
    for run in job.runs:
        if run.poll() is None:
            os.killpg(run.pid, 9)
            run.wait()


def test_a_job_that_is_replaced_while_it_runs_is_killed_with_all_that_it_started(job: Job) -> None:
    run = job.start(STUBBORN)
    eventually(lambda: bool(job.lines()))
    job.enter(key="second")
    assert run.wait(timeout=30) == SUPERSEDED
    written = job.lines()
    time.sleep(0.5)
    assert job.lines() == written, "nothing writes any more"
    assert "another submission has taken over" in (job.folder / "log").read_text()


def test_a_job_that_nobody_awaits_any_more_ends_but_not_at_the_first_look(job: Job) -> None:
    run = job.start(STUBBORN)
    eventually(lambda: bool(job.lines()))
    entry = job.layout.registry / "it.json"
    entry.write_text("{")  # as a file system shows half of it, or an error
    time.sleep(5 * BEAT)
    assert run.poll() is None, "what cannot be read is not gone"
    job.enter(key="first")
    time.sleep(3 * BEAT)
    assert run.poll() is None
    entry.unlink()
    assert run.wait(timeout=30) == SUPERSEDED


def test_a_cancelled_job_has_time_to_save(job: Job) -> None:
    run = job.start(SAVES)
    eventually(lambda: bool(job.lines()))
    job.enter(key="first", cancelled=True)
    assert run.wait(timeout=30) == SUPERSEDED
    assert (job.folder / "saved").exists()
    beat = Beat.read(job.place / "0.beat")
    assert beat is not None and beat.ended, "it says itself that it has ended"


def test_a_run_that_slurm_lost_gives_way_to_the_next_before_that_begins(job: Job) -> None:
    """A node that the controller cannot reach goes on; the job is requeued on another one."""
    command = "for i in $(seq 100); do echo $$ >> trace; sleep 0.1; done"
    # Slow enough that a busy machine misses no three of them, which is what a run may rely on.
    first = job.start(command, beat=1.5)
    eventually(lambda: bool(job.lines()))
    second = job.start(command, beat=1.5)
    assert first.wait(timeout=30) == SUPERSEDED
    assert second.wait(timeout=60) == 0, (job.folder / "log").read_text()
    order = job.lines()
    changes = sum(one != other for one, other in pairwise(order))
    assert changes == 1, "the second began after the last sign of the first"


def test_a_run_that_ended_in_order_keeps_the_next_one_waiting_for_nothing(job: Job) -> None:
    assert job.start("exit 3").wait(timeout=30) == 3
    job.layout.outcome("first").unlink()
    begin = time.monotonic()
    second = job.start("echo >> trace; exit 3")
    eventually(lambda: (job.folder / "trace").exists())
    assert second.wait(timeout=30) == 3
    earlier = Beat.read(job.place / "0.beat")
    assert earlier is not None and earlier.ended
    assert time.monotonic() - begin < 15

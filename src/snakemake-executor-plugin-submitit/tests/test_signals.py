"""SLURM signals the processes of a job one after the other: a job waits for its own before it decides."""

import os
import signal
from pathlib import Path

import psutil
import pytest

from job import Job
from snakemake_executor_plugin_submitit.job.spec import Outcome
from waiting import eventually

# A command that its limit's notice does not end, and SIGTERM does, without saving.
CANNOT_SAVE = "trap '' USR2; echo $$ >> trace; exec sleep 60"


@pytest.fixture
def told(job: Job) -> int:
    """The pid of the command of a job whose limit is near: it has had notice of that."""
    run = job.start(CANNOT_SAVE, runtime=1, PATH=f"{job.folder}:{os.environ['PATH']}")
    eventually(lambda: bool(job.lines()))
    pid = int(job.lines()[0])
    eventually(lambda: psutil.Process(pid).name() == "sleep")
    os.kill(run.pid, signal.SIGUSR2)
    eventually((job.place / "0.notice").exists)
    return pid


def answering(folder: Path, script: str) -> None:
    """A `scontrol` in `folder` that does what the script says."""
    path = folder / "scontrol"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_a_job_hears_that_it_is_preempted_after_its_command_ended(job: Job, told: int) -> None:
    answering(job.folder, "echo 'Unable to contact slurm controller' >&2; exit 1")
    command = psutil.Process(told)
    command.terminate()
    command.wait(timeout=30)
    os.kill(job.runs[0].pid, signal.SIGTERM)
    job.runs[0].wait(timeout=30)
    outcome = Outcome.read(job.layout.outcome("first"))
    assert outcome is not None, job.log()
    assert (outcome.verdict, outcome.reason) == ("again", "preempted"), job.log()


def test_a_question_that_the_signal_ends_is_asked_again(job: Job, told: int) -> None:
    once = job.folder / "once"
    answering(job.folder, f"[ -e {once} ] || {{ touch {once}; kill -TERM $$; }}\n"
              "echo JobId=7 JobState=PREEMPTED Reason=None")  # fmt: skip
    os.kill(told, signal.SIGTERM)
    assert job.runs[0].wait(timeout=30) == 0, "SLURM starts it again"
    assert "preempted; not saved" in job.log()
    assert Outcome.read(job.layout.outcome("first")) is None

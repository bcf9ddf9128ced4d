"""A job that is replaced, cancelled or run twice sees it while it runs, and ends before it writes more."""

import time
from itertools import pairwise

from job import BEAT, Job
from snakemake_executor_plugin_submitit.job.heartbeat import Beat
from snakemake_executor_plugin_submitit.job.worker import SUPERSEDED
from waiting import eventually

# A command that starts others and ignores whatever can be ignored.
STUBBORN = """
trap '' TERM INT USR2
(while true; do echo $$ >> trace; sleep 0.1; done) &
wait
"""
SAVES = (
    "trap 'sleep 1; echo saved > saved; exit 75' TERM; echo $$ >> trace; "
    "while :; do sleep 60 & wait; done"
)
"""What it waits for gets the signal too, and may end before the shell has it."""


def test_a_job_that_is_replaced_while_it_runs_is_killed_with_all_that_it_started(job: Job) -> None:
    run = job.start(STUBBORN)
    eventually(lambda: bool(job.lines()))
    job.enter(key="second")
    assert run.wait(timeout=30) == SUPERSEDED
    written = job.lines()
    time.sleep(0.5)
    assert job.lines() == written, "nothing writes any more"
    assert "another submission has taken over" in job.log()
    assert not (job.place / "0.notice").exists(), "it was not asked to save: its successor runs"


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
    assert second.wait(timeout=60) == 0, job.log()
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

"""What a job measures of itself, on real processes."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from job import Job
from snakemake_executor_plugin_submitit.job.heartbeat import Beat
from snakemake_executor_plugin_submitit.job.meter import Meter
from snakemake_executor_plugin_submitit.job.spec import Outcome
from snakemake_executor_plugin_submitit.job.usage import Usage
from waiting import eventually

MB = 1e6
HOLD = "python -c 'import sys, time; held = b\"x\" * int({mb}e6); time.sleep({seconds})'"


def measured(command: str, **arguments: object) -> Usage:
    """What a meter in a process of its own, as the worker is, measures of a shell's command."""
    script = f"""
        import json, subprocess
        from snakemake_executor_plugin_submitit.job.meter import Meter
        from snakemake_executor_plugin_submitit.job.usage import Usage
        meter = Meter(Usage(), **{arguments!r})
        meter.begin()
        subprocess.run(["bash", "-c", {command!r}], check=True)
        print(json.dumps(meter.end().as_dict()))
    """
    done = subprocess.run(
        [sys.executable, "-c", dedent(script)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return Usage.of(json.loads(done.stdout))


def test_processes_that_run_at_the_same_time_are_added() -> None:
    both = HOLD.format(mb=150, seconds=1.5)
    used = measured(f"{both} & {both} & wait")
    assert 300 * MB < used.memory < 420 * MB, used
    assert used.elapsed > 1.5 and used.attempts == 1


def test_a_process_that_was_large_for_a_moment_only_is_noticed() -> None:
    used = measured(f"sleep 1; {HOLD.format(mb=400, seconds=0)}; sleep 0.5")
    assert 400 * MB < used.memory < 480 * MB, used


def test_memory_that_processes_share_counts_once() -> None:
    script = (
        "import os, time; held = b'x' * int(200e6)\n"
        "for _ in range(4): os.fork() or (time.sleep(1.5), os._exit(0))\n"
        "time.sleep(1.5)\n"
        "for _ in range(4): os.wait()"
    )
    used = measured(f'python -c "{script}"')
    assert 200 * MB < used.memory < 350 * MB, f"five processes have them in common: {used}"


def test_cpu_time_is_that_of_all_processes_also_of_those_that_were_killed(tmp_path: Path) -> None:
    # By processor time, however little of it a busy machine gives them.
    busy = "python -c 'import time\nwhile time.process_time() < 1: pass\n{then}'"
    ended, killed = busy.format(then=""), busy.format(then='open("used", "w")\nwhile True: pass')
    used = measured(
        f"cd {tmp_path}; {ended}; {killed} & until [ -e used ]; do sleep 0.1; done; sleep 0.5; "
        "kill -9 $!; wait $! || true"
    )
    assert 2.0 < used.cpu_seconds < 8.0, used


def test_what_other_steps_use_is_not_guessed() -> None:
    used = measured(HOLD.format(mb=100, seconds=0.3), whole=False)
    assert (used.memory, used.cpu_seconds) == (0, 0)
    assert used.elapsed > 0.3


V2 = "0::/system.slice/slurmstepd.scope/job_12/step_0/user/task_0\n"
V1 = "9:memory:/slurm/uid_7/job_12/step_0/task_0\n3:cpuacct,cpu:/slurm/uid_7/job_12/step_0\n0::/\n"


@pytest.mark.parametrize(("cgroups", "cached"), [(V2, 5000), (V1, 5000)])
def test_a_job_in_a_cgroup_of_slurm_is_measured_by_that(
    tmp_path: Path, cgroups: str, cached: int
) -> None:
    job = tmp_path / "system.slice" / "slurmstepd.scope" / "job_12"
    memory, cpu = job / "memory.stat", job / "cpu.stat"
    if cgroups == V1:
        memory = tmp_path / "memory" / "slurm" / "uid_7" / "job_12" / "memory.stat"
        cpu = tmp_path / "cpuacct" / "slurm" / "uid_7" / "job_12" / "cpuacct.usage"
    for file in (memory, cpu):
        file.parent.mkdir(parents=True, exist_ok=True)
    if cgroups == V1:
        memory.write_text(
            f"cache {cached}\nrss 1\ntotal_cache {cached}\ntotal_rss 900\ntotal_shmem 50\n"
        )
        cpu.write_text("2500000000\n")
    else:
        memory.write_text(f"anon 900\nfile {cached}\nshmem 50\n")
        cpu.write_text("usage_usec 2500000\nuser_usec 2000000\n")
    meter = Meter(Usage(), whole=False, cgroups=cgroups, root=tmp_path)
    meter.look()
    used = meter.used()
    assert used.memory == 950, "without the files that it has read"
    assert used.cpu_seconds == 2.5


def test_the_cgroup_of_somebody_else_is_none_of_the_jobs(tmp_path: Path) -> None:
    (tmp_path / "user.slice").mkdir()
    (tmp_path / "user.slice" / "memory.stat").write_text("anon 7e12\n")
    meter = Meter(Usage(), cgroups="0::/user.slice\n", root=tmp_path)
    meter.look()
    assert 0 < meter.used().memory < 7e12


def test_a_job_notes_what_it_used_when_it_ends_and_while_it_runs(job: Job) -> None:
    run = job.start(HOLD.format(mb=120, seconds=2))
    pulse = job.place / "0.beat"

    def beat() -> Usage:
        found = Beat.read(pulse)
        return Usage.of(found.usage) if found else Usage()

    eventually(lambda: beat().memory > 120 * MB)
    run.wait(timeout=30)
    outcome = Outcome.read(job.layout.outcome("first"))
    assert outcome is not None
    used = Usage.of(outcome.usage)
    assert used.memory > 120 * MB and used.elapsed > 2 and used.cpu_seconds > 0
    assert used.attempts == 1


def test_a_job_that_runs_again_goes_on_counting(job: Job) -> None:
    first = job.start(HOLD.format(mb=120, seconds=60), beat=0.3)
    pulse = job.place / "0.beat"
    eventually(lambda: (found := Beat.read(pulse)) is not None and found.usage["memory"] > 120 * MB)
    before = Beat.read(pulse)
    assert before is not None
    os.killpg(first.pid, signal.SIGKILL)  # as a node does that fails
    first.wait()
    job.start("sleep 0.5").wait(timeout=30)
    outcome = Outcome.read(job.layout.outcome("first"))
    assert outcome is not None
    used = Usage.of(outcome.usage)
    assert used.attempts == 2
    assert used.memory > 120 * MB, "the most of both"
    assert used.elapsed >= before.usage["elapsed"] + 0.5


def test_records_of_earlier_versions_load(tmp_path: Path) -> None:
    path = tmp_path / "old.json"
    path.write_text('{"verdict": "done", "started": 1.0, "finished": 3.0}')
    outcome = Outcome.read(path)
    assert outcome is not None and Usage.of(outcome.usage) == Usage()
    path.write_text('{"run": "a", "count": 1, "every": 10, "job_id": "7", "node": "gr001"}')
    beat = Beat.read(path)
    assert beat is not None and Usage.of(beat.usage) == Usage()
    assert Usage.of({"memory": "much", "later": 1}) == Usage() == Usage.of(None)

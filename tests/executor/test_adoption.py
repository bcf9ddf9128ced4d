"""Whatever happens to the controlling Snakemake, nothing is lost and nothing runs twice."""

import os
import signal
import time

import pytest

from tests.cluster.cluster import SlurmCluster
from tests.executor.workflow import Workflow, stand_in

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

# Finished, running and queued jobs at the moment of the kill. `changed` gets another command, `moved` and
# `running` are asked for differently.
RULES = """
    rule all:
        input: "finished.txt", "running.txt", "queued.txt", "changed.txt", "moved.txt", "last.txt"
    rule finished:
        output: "finished.txt"
        resources: runtime=5
        shell: "echo $SLURM_JOB_ID >> finished.runs; sleep 4; touch {output}"
    rule running:
        output: "running.txt"
        resources: runtime=5, cpus_per_task=48, comment="WORD"
        shell: "echo $SLURM_JOB_ID >> running.runs; sleep 12; touch {output}"
    rule queued:
        output: "queued.txt"
        resources: runtime=5, slurm_extra="--begin=now+14"
        shell: "echo $SLURM_JOB_ID >> queued.runs; touch {output}"
    rule moved:
        output: "moved.txt"
        resources: runtime=5, slurm_extra="--begin=now+BEGIN"
        shell: "echo $SLURM_JOB_ID >> moved.runs; touch {output}"
    rule changed:
        output: "changed.txt"
        resources: runtime=5
        shell: "echo $SLURM_JOB_ID >> changed.runs; sleep 120; echo WORD > {output}"
    rule last:
        input: "finished.txt", "running.txt"
        output: "last.txt"
        resources: runtime=5
        shell: "echo $SLURM_JOB_ID >> last.runs; touch {output}"
"""


def test_the_next_snakemake_takes_over_what_a_killed_one_left(
    workflow: Workflow, slurm: SlurmCluster
) -> None:
    workflow.write(RULES.replace("WORD", "old").replace("BEGIN", "3600"))
    workflow.start()
    for name in ("finished", "running", "changed"):
        workflow.wait_for(lambda name=name: workflow.read(f"{name}.runs"), f"{name} runs")
    workflow.end()
    workflow.wait_for(lambda: (workflow.folder / "finished.txt").exists(), "one ends unseen")
    time.sleep(0.5)
    new = RULES.replace("WORD", "new").replace("BEGIN", "1").replace("sleep 120", "sleep 1")
    workflow.write(new)
    assert workflow.run("--unlock").returncode == 0
    done = workflow.run()
    assert done.returncode == 0, done.stdout
    for name in ("finished", "running", "queued", "moved", "last"):
        assert len(workflow.read(f"{name}.runs").split()) == 1, f"{name} ran once\n{done.stdout}"
    assert workflow.read("changed.txt") == "new\n"
    assert "finished without this Snakemake" in done.stdout
    assert done.stdout.count("is taken over") == 3, done.stdout
    assert "changed: job" in done.stdout and "moved: job" in done.stdout
    cancelled = workflow.read("changed.runs").split()[0]
    assert "JobState=CANCELLED" in slurm.run("scontrol", "show", "job", cancelled)


def test_a_job_whose_id_was_never_heard_is_found(
    workflow: Workflow, slurm: SlurmCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Snakemake is killed between sbatch and its answer: SLURM knows the jobs, nobody else does."""
    rules = """
        rule all:
            input: "same.txt", "other.txt"
        rule same:
            output: "same.txt"
            resources: runtime=5
            shell: "echo run >> same.runs; sleep 3; touch {output}"
        rule other:
            output: "other.txt"
            resources: runtime=5
            shell: "echo $SLURM_JOB_ID >> other.runs; sleep SECONDS; touch {output}"
    """
    workflow.write(rules.replace("SECONDS", "60"))
    script = '/usr/bin/sbatch "$@" > "$0.answer"; sleep 60; cat "$0.answer"'
    stand_in(workflow.folder, "sbatch", script, monkeypatch)
    workflow.start()
    for name in ("same", "other"):
        workflow.wait_for(lambda name=name: workflow.read(f"{name}.runs"), "SLURM runs the job")
    workflow.end()
    (workflow.folder / "bin" / "sbatch").unlink()
    workflow.write(rules.replace("SECONDS", "0"))
    workflow.run("--unlock")
    done = workflow.run()
    assert done.returncode == 0, done.stdout
    assert "same was submitted before" in done.stdout
    assert workflow.read("same.runs").split() == ["run"], "the job ran once"
    first, _ = workflow.read("other.runs").split()
    assert "JobState=CANCELLED" in slurm.run("scontrol", "show", "job", first), "it does not fit"


def test_ctrl_c_cancels_a_job_whose_id_was_never_heard(
    workflow: Workflow, slurm: SlurmCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    workflow.write("""
        rule one:
            output: "out.txt"
            resources: runtime=5
            shell: "sleep 60; touch {output}"
    """)
    lost = '/usr/bin/sbatch "$@" > /dev/null; echo "Unable to contact slurm controller" >&2; exit 1'
    stand_in(workflow.folder, "sbatch", lost, monkeypatch)
    silent = workflow.folder / "silent"
    silent.touch()
    stand_in(
        workflow.folder, "squeue", f'[ ! -e {silent} ] && exec /usr/bin/squeue "$@"', monkeypatch
    )
    snakemake = workflow.start()
    workflow.wait_for(lambda: "SLURM cannot be reached" in workflow.output, "no answer")
    os.kill(snakemake.pid, signal.SIGINT)
    workflow.wait_for(lambda: "cancelling is tried again" in workflow.output, "still none")
    assert slurm.run("/usr/bin/squeue", "-h"), "SLURM has it all the same"
    silent.unlink()
    assert snakemake.wait(timeout=90) == 1
    assert "1 jobs are cancelled" in workflow.output
    workflow.process = None
    workflow.wait_for(lambda: not slurm.run("squeue", "-h"), "the queue is empty")


def test_ctrl_c_cancels_the_jobs_unless_snakemake_detaches(
    workflow: Workflow, slurm: SlurmCluster
) -> None:
    workflow.write("""
        rule one:
            output: "out.txt"
            resources: runtime=5
            shell: "echo run >> runs; until [ -e go ]; do sleep 0.1; done; touch {output}"
    """)
    snakemake = workflow.start("--submitit-detach")
    workflow.wait_for(lambda: workflow.read("runs"), "it runs")
    os.kill(snakemake.pid, signal.SIGINT)
    assert snakemake.wait(timeout=90) == 1
    assert "stay in the queue" in workflow.output
    snakemake = workflow.start()
    workflow.wait_for(lambda: "is taken over" in workflow.output, "it is taken over")
    os.kill(snakemake.pid, signal.SIGINT)
    assert snakemake.wait(timeout=90) == 1
    assert "1 jobs are cancelled" in workflow.output
    workflow.process = None
    workflow.wait_for(lambda: not slurm.run("squeue", "-h"), "the queue is empty")
    (workflow.folder / "go").touch()
    done = workflow.run()
    assert done.returncode == 0, done.stdout
    assert workflow.read("runs").split() == ["run", "run"], "a cancelled job starts again"


@pytest.mark.slow(seconds=30)
def test_a_second_ctrl_c_ends_at_once_and_the_jobs_that_slurm_cannot_cancel_end_themselves(
    workflow: Workflow, slurm: SlurmCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    workflow.write(
        """
        rule one:
            output: "out.txt"
            resources: runtime=5
            shell: "for i in $(seq WAIT); do echo $SLURM_JOB_ID >> runs; sleep 0.2; done; touch {output}"
    """.replace("WAIT", "500")
    )
    silent = workflow.folder / "silent"
    for name in ("squeue", "scancel", "scontrol"):
        script = f'[ -e {silent} ] && {{ sleep 1000 & sleep 1000; }}; exec /usr/bin/{name} "$@"'
        stand_in(workflow.folder, name, script, monkeypatch)
    snakemake = workflow.start("--submitit-ask", "1")
    workflow.wait_for(lambda: workflow.read("runs"), "it runs")
    silent.touch()
    os.kill(snakemake.pid, signal.SIGINT)
    time.sleep(2)
    assert snakemake.poll() is None, "it tries to cancel"
    begin = time.monotonic()
    os.kill(snakemake.pid, signal.SIGINT)
    assert snakemake.wait(timeout=30) == 1
    assert time.monotonic() - begin < 12
    job = workflow.read("runs").split()[0]
    assert f"These jobs may still run: scancel {job}" in workflow.output
    workflow.process = None
    # No command of SLURM has cancelled it.
    workflow.wait_for(lambda: not slurm.run("/usr/bin/squeue", "-h"), "it ends itself")
    silent.unlink()
    workflow.write("""
        rule one:
            output: "out.txt"
            resources: runtime=5
            shell: "echo $SLURM_JOB_ID >> runs; touch {output}"
    """)
    done = workflow.run()
    assert done.returncode == 0, done.stdout
    assert len(set(workflow.read("runs").split())) == 2

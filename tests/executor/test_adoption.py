"""Whatever happens to the controlling Snakemake, nothing is lost and nothing runs twice."""

import os
import signal
import time
from pathlib import Path

import pytest

from tests.cluster.cluster import SlurmCluster
from tests.executor.workflow import Workflow

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

# Finished, running and queued jobs at the moment of the kill. `changed` gets another command.
RULES = """
    rule all:
        input: "finished.txt", "running.txt", "queued.txt", "changed.txt", "last.txt"
    rule finished:
        output: "finished.txt"
        resources: runtime=5
        shell: "echo $SLURM_JOB_ID >> finished.runs; sleep 4; touch {output}"
    rule running:
        output: "running.txt"
        resources: runtime=5, cpus_per_task=48
        shell: "echo $SLURM_JOB_ID >> running.runs; sleep 12; touch {output}"
    rule queued:
        output: "queued.txt"
        resources: runtime=5, slurm_extra="--begin=now+14"
        shell: "echo $SLURM_JOB_ID >> queued.runs; touch {output}"
    rule changed:
        output: "changed.txt"
        resources: runtime=5
        shell: "echo $SLURM_JOB_ID >> changed.runs; sleep 30; echo WORD > {output}"
    rule last:
        input: "finished.txt", "running.txt"
        output: "last.txt"
        resources: runtime=5
        shell: "echo $SLURM_JOB_ID >> last.runs; touch {output}"
"""


def test_the_next_snakemake_takes_over_what_a_killed_one_left(
    workflow: Workflow, slurm: SlurmCluster
) -> None:
    workflow.write(RULES.replace("WORD", "old"))
    workflow.start()
    for name in ("finished", "running", "changed"):
        workflow.wait_for(lambda name=name: workflow.read(f"{name}.runs"), f"{name} runs")
    workflow.end()
    workflow.wait_for(lambda: (workflow.folder / "finished.txt").exists(), "one ends unseen")
    time.sleep(0.5)
    workflow.write(RULES.replace("WORD", "new").replace("sleep 30", "sleep 1"))
    assert workflow.run("--unlock").returncode == 0
    done = workflow.run()
    assert done.returncode == 0, done.stdout
    for name in ("finished", "running", "queued", "last"):
        assert len(workflow.read(f"{name}.runs").split()) == 1, f"{name} ran once\n{done.stdout}"
    assert workflow.read("changed.txt") == "new\n"
    assert "finished without this Snakemake" in done.stdout
    assert done.stdout.count("is taken over") == 3, done.stdout
    assert "changed: job" in done.stdout
    cancelled = workflow.read("changed.runs").split()[0]
    assert "JobState=CANCELLED" in slurm.run("scontrol", "show", "job", cancelled)


def test_a_job_whose_id_was_never_heard_is_found(
    workflow: Workflow, slurm: SlurmCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Snakemake is killed between sbatch and its answer: SLURM knows the job, nobody else does."""
    workflow.write("""
        rule one:
            output: "out.txt"
            resources: runtime=5
            shell: "echo run >> runs; sleep 3; touch {output}"
    """)
    slow_sbatch(workflow.folder, monkeypatch)
    workflow.start()
    workflow.wait_for(lambda: slurm.run("squeue", "-h", "-tR"), "SLURM runs the job")
    workflow.end()
    (workflow.folder / "bin" / "sbatch").unlink()
    workflow.run("--unlock")
    done = workflow.run()
    assert done.returncode == 0, done.stdout
    assert "is taken over" in done.stdout
    assert workflow.read("runs").split() == ["run"], "the job ran once"


def slow_sbatch(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put an sbatch on the PATH that submits and then keeps the answer to itself."""
    path = folder / "bin" / "sbatch"
    path.parent.mkdir()
    path.write_text('#!/bin/bash\n/usr/bin/sbatch "$@" > "$0.answer"; sleep 60; cat "$0.answer"\n')
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{path.parent}:{os.environ['PATH']}")


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
    assert snakemake.wait(timeout=20) == 1
    assert "stay in the queue" in workflow.output
    snakemake = workflow.start()
    workflow.wait_for(lambda: "is taken over" in workflow.output, "it is taken over")
    os.kill(snakemake.pid, signal.SIGINT)
    assert snakemake.wait(timeout=20) == 1
    assert "1 jobs are cancelled" in workflow.output
    workflow.process = None
    workflow.wait_for(lambda: not slurm.run("squeue", "-h"), "the queue is empty")
    (workflow.folder / "go").touch()
    done = workflow.run()
    assert done.returncode == 0, done.stdout
    assert workflow.read("runs").split() == ["run", "run"], "a cancelled job starts again"

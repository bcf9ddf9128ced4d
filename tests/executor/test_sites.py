"""What sites do differently: no accounting, preemption that cancels instead of requeueing."""

import pytest

from tests.cluster.cluster import SlurmCluster
from tests.executor.workflow import Workflow

pytestmark = [pytest.mark.cluster, pytest.mark.slow]


def test_without_accounting_jobs_end_fail_vanish_and_are_taken_over(
    workflow: Workflow, slurm: SlurmCluster
) -> None:
    workflow.write("""
        rule all:
            input: "fails.txt", "vanishes.txt", "counts.txt", "last.txt"
        rule fails:
            output: "fails.txt"
            resources: runtime=5
            shell: "exit 3"
        rule vanishes:
            output: "vanishes.txt"
            resources: runtime=5
            shell: "kill -9 $PPID; sleep 60"
        rule counts:
            output: "counts.txt"
            resources: runtime=60
            shell: "COUNT counts 20 0.1; cp counts.done {output}"
        rule last:
            input: "counts.txt"
            output: "last.txt"
            resources: runtime=5
            shell: "cp {input} {output}"
    """)
    options = ("--keep-going", "--submitit-ask", "2")
    workflow.hold.touch()
    with slurm.without_accounting():
        workflow.start(*options)
        workflow.wait_for(lambda: workflow.notes("counts", "step"), "it counts")
        workflow.wait_for(lambda: "vanishes failed" in workflow.output, "its end is noticed")
        workflow.end()
        slurm.run("scontrol", "requeue", slurm.run("squeue", "-h", "--name=counts", "-o%i"))
        workflow.run("--unlock")
        workflow.hold.unlink()
        done = workflow.run(*options, "last.txt")
    assert "reason: exit code 3" in workflow.output
    assert "vanishes failed: it ended without a word" in workflow.output
    assert done.returncode == 0, done.stdout
    assert "counts was submitted before" in done.stdout
    assert workflow.notes("counts", "step") == [f"step {index}" for index in range(20)]
    assert len({line.split()[-1] for line in workflow.notes("counts", "start")}) == 1


def test_jobs_that_preemption_cancels_go_on_all_the_same(
    workflow: Workflow, slurm: SlurmCluster
) -> None:
    workflow.write("""
        rule all:
            input: "saves.txt", "cannot.txt"
        rule saves:
            output: "saves.txt"
            resources: runtime=60, cpus_per_task=40, slurm_extra="--nodelist=gr001"
            shell: "COUNT saves 20 0.1; cp saves.done {output}"
        rule cannot:
            output: "cannot.txt"
            resources: runtime=60, cpus_per_task=40, slurm_extra="--nodelist=gr002"
            shell: "COUNT cannot 20 0.1 deaf; cp cannot.done {output}"
    """)
    workflow.hold.touch()
    with slurm.partition(PreemptMode="CANCEL", GraceTime="0"):
        snakemake = workflow.start("--submitit-ask", "2")
        for name, node in (("saves", "gr001"), ("cannot", "gr002")):
            workflow.wait_for(lambda name=name: workflow.notes(name, "step"), f"{name} runs")
            slurm.run(
                "sbatch", "--partition=high", "--cpus-per-task=44", f"--nodelist={node}",
                "--output=/dev/null", "--wrap=sleep 1",
            )  # fmt: skip
        for name in ("saves", "cannot"):
            workflow.wait_for(
                lambda name=name: len(workflow.notes(name, "start")) == 2, f"{name} is back"
            )
        workflow.hold.unlink()
        assert snakemake.wait(timeout=90) == 0, workflow.output
    assert workflow.notes("saves", "step") == [f"step {index}" for index in range(20)]
    for name in ("saves", "cannot"):
        starts = workflow.notes(name, "start")
        assert len({line.split()[-1] for line in starts}) == len(starts) == 2, "submitted again"
        assert workflow.read(f"{name}.txt") == "20\n"

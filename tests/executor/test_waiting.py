"""What is refused, and what is waited for: contradictions, retries, a silent controller, a hold."""

import pytest

from tests.cluster.cluster import SlurmCluster
from tests.executor.workflow import Workflow

pytestmark = [pytest.mark.cluster, pytest.mark.slow]


def test_contradictory_resources_are_refused_before_anything_is_submitted(
    workflow: Workflow, slurm: SlurmCluster
) -> None:
    workflow.write("""
        rule all:
            input: "a.txt", "b.txt"
        rule a:
            output: "a.txt"
            shell: "touch {output}"
        rule b:
            output: "b.txt"
            resources: gpu=1, gres="gpu:1"
            shell: "touch {output}"
    """)
    done = workflow.run()
    assert done.returncode == 1
    assert "rule b: gres=gpu:1 and gpu or gpu_model both ask for GPUs: keep one" in done.stdout
    assert not (workflow.folder / "a.txt").exists()
    assert slurm.run("squeue", "-h", "-tall") == "" or "a.txt" not in done.stdout


def test_a_retry_gets_the_resources_of_its_attempt(workflow: Workflow) -> None:
    workflow.write("""
        rule all:
            input: "out.txt"
        rule one:
            output: "out.txt"
            retries: 2
            resources:
                runtime=5,
                mem_mb=lambda wildcards, attempt: 100 * attempt,
            shell: "echo $SLURM_MEM_PER_NODE >> tries.txt; [ $(wc -l < tries.txt) = 3 ] && touch {output}"
    """)
    assert workflow.run().returncode == 0
    assert workflow.read("tries.txt").split() == ["100", "200", "300"]


def test_a_controller_that_is_down_is_waited_for(workflow: Workflow, slurm: SlurmCluster) -> None:
    workflow.write("""
        rule all:
            input: "second.txt"
        rule first:
            output: "first.txt"
            resources: runtime=5
            shell: "sleep 4; touch {output}"
        rule second:
            input: "first.txt"
            output: "second.txt"
            resources: runtime=5
            shell: "echo run >> second.runs; touch {output}"
    """)
    snakemake = workflow.start("--submitit-ask", "2")
    workflow.wait_for(lambda: slurm.run("squeue", "-h", "-tR"), "the first job runs")
    slurm.stop_controller()
    workflow.wait_for(lambda: "(Rule: first)" in workflow.output, "its end is noticed all the same")
    workflow.wait_for(lambda: "SLURM is slow to answer" in workflow.output, "the user is told")
    assert snakemake.poll() is None, workflow.output
    slurm.start_controller()
    assert snakemake.wait(timeout=60) == 0, workflow.output
    assert workflow.read("second.runs").split() == ["run"]


def test_a_held_job_is_waited_for_and_the_user_told(
    workflow: Workflow, slurm: SlurmCluster
) -> None:
    workflow.write("""
        rule one:
            output: "out.txt"
            resources: runtime=5, slurm_extra="--hold"
            shell: "touch {output}"
    """)
    snakemake = workflow.start("--submitit-ask", "1")
    workflow.wait_for(lambda: "scontrol release" in workflow.output, "the user is told")
    slurm.run("scontrol", "release", slurm.run("squeue", "-h", "-o%i"))
    assert snakemake.wait(timeout=30) == 0, workflow.output


def test_a_limit_on_queued_jobs_is_kept_by_waiting(workflow: Workflow, slurm: SlurmCluster) -> None:
    workflow.write("""
        rule all:
            input: expand("{i}.txt", i=range(6))
        rule one:
            output: "{i}.txt"
            resources: runtime=5
            shell: "echo run >> runs; sleep 1; touch {output}"
    """)
    limit = ("sacctmgr", "--immediate", "modify", "user", "root", "set")
    slurm.run(*limit, "MaxSubmitJobs=4")
    try:
        done = workflow.run()
    finally:
        slurm.run(*limit, "MaxSubmitJobs=-1")
    assert done.returncode == 0, done.stdout
    assert "no more than 3 jobs at once" in done.stdout
    assert len(workflow.read("runs").split()) == 6

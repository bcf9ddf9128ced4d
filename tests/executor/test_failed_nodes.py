"""A node on which a job was lost is left out of the next attempts, as long as another one is left."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from snakemake_executor_plugin_submitit.slurm import nodes
from tests.cluster.cluster import SlurmCluster
from tests.executor.workflow import Workflow

pytestmark = [pytest.mark.cluster, pytest.mark.slow(seconds=10)]

ASK = ("--submitit-ask", "2")
# Says where it runs, and the first time waits to be lost.
RULE = """
    rule one:
        output: "out.txt"
        resources: runtime=60, slurm_extra="{extra}"
        retries: {retries}
        shell:
            "scontrol show job $SLURM_JOB_ID > described; echo $SLURMD_NODENAME >> nodes; "
            "[ $(wc -l < nodes) -gt 1 ] || sleep 300; touch {{output}}"
"""


def nodes_of(workflow: Workflow) -> list[str]:
    return workflow.read("nodes").split()


@contextmanager
def lost(slurm: SlurmCluster, node: str, state: str = "down") -> Iterator[None]:
    """The controller gives a node up with the jobs on it; then it answers again, as if sound."""
    slurm.run("scontrol", "update", f"nodename={node}", f"state={state}", "reason=test")
    yield
    slurm.resume()


def test_a_job_that_slurm_requeues_does_not_go_back_to_the_node_that_it_was_lost_with(
    workflow: Workflow, slurm: SlurmCluster
) -> None:
    """Without this it would: the node answers again, and is the least loaded one."""
    workflow.write(RULE.format(extra="", retries=0))
    snakemake = workflow.start(*ASK)
    workflow.wait_for(lambda: nodes_of(workflow), "it runs")
    (first,) = nodes_of(workflow)
    job_id = slurm.run("squeue", "-h", "-o%i")
    workflow.wait_for(lambda: asked_while_it_ran(workflow), "SLURM was asked while it ran")
    with lost(slurm, first):
        pass
    assert snakemake.wait(timeout=90) == 0, workflow.output
    assert nodes_of(workflow)[1] != first
    assert f"one (job {job_id}) was lost with its node {first}" in workflow.output
    assert f"--submitit-exclude-failed-nodes {first}" in workflow.output
    assert len(workflow.submissions()) == 1, "SLURM requeued it; it was not submitted again"


def asked_while_it_ran(workflow: Workflow) -> bool:
    (folder,) = workflow.submissions()
    beat = workflow.folder / ".snakemake/submitit" / folder / "0.beat"
    return beat.exists() and json.loads(beat.read_text())["count"] > 2


def test_a_retry_leaves_out_the_failed_node_and_those_of_its_rule(
    workflow: Workflow, slurm: SlurmCluster
) -> None:
    workflow.write(RULE.format(extra="-x gr003", retries=1))
    snakemake = workflow.start(*ASK, "--submitit-no-requeue")
    workflow.wait_for(lambda: nodes_of(workflow), "it runs")
    (first,) = nodes_of(workflow)
    assert first == "gr001"
    with lost(slurm, first):
        workflow.wait_for(lambda: "node failure" in workflow.output, "Snakemake hears of it")
    assert snakemake.wait(timeout=90) == 0, workflow.output
    assert nodes_of(workflow)[1] not in (first, "gr003")
    assert "ExcNodeList=gr[001,003]" in workflow.read("described")
    assert len(workflow.submissions()) == 2


def test_a_node_on_which_the_last_job_was_lost_is_told_at_the_end(
    workflow: Workflow, slurm: SlurmCluster
) -> None:
    """Nothing is submitted after it, and the next run should know."""
    workflow.write(RULE.format(extra="", retries=0))
    snakemake = workflow.start(*ASK, "--submitit-no-requeue")
    workflow.wait_for(lambda: nodes_of(workflow), "it runs")
    (first,) = nodes_of(workflow)
    with lost(slurm, first):
        workflow.wait_for(lambda: "node failure" in workflow.output, "Snakemake hears of it")
    assert snakemake.wait(timeout=90) == 1, workflow.output
    assert f"--submitit-exclude-failed-nodes {first}" in workflow.output


def test_nodes_that_are_named_are_left_out_until_no_other_is_left(
    workflow: Workflow, slurm: SlurmCluster
) -> None:
    """gr003 and gr004 have the only v100; the last one that is named is the last to be given up."""
    workflow.write("""
        rule all:
            input: "v100.txt", "rtx8000.txt"
        rule one:
            output: "{model}.txt"
            resources: runtime=5, gpu=1, gpu_model=lambda wildcards: wildcards.model
            shell: "echo $SLURMD_NODENAME > {output}"
    """)
    named = ("--submitit-exclude-failed-nodes", "gr001,gr004,gr003,gr999")
    done = workflow.run(*named)
    assert done.returncode == 0, done.stdout
    assert workflow.read("v100.txt").strip() == "gr004"
    assert workflow.read("rtx8000.txt").strip() == "gr002"
    assert "may run on gr004 all the same: without it" in done.stdout
    assert done.stdout.count("There is no node gr999 to leave out.") == 1


def test_whether_a_job_could_start_elsewhere_counts_nodes_that_are_down(
    slurm: SlurmCluster, tmp_path: Path
) -> None:
    script = tmp_path / "job.sh"
    script.write_text("#!/bin/bash\n#SBATCH --gres=gpu:v100:1\ntrue\n")
    assert nodes.that_can_be_left_out(["gr004"], [], str(script), slurm.env) == ["gr004"]
    with lost(slurm, "gr003", "drain"):  # one that is down answers again by itself
        assert nodes.that_can_be_left_out(["gr004"], [], str(script), slurm.env) == []
        assert nodes.that_can_be_left_out(["gr002"], [], str(script), slurm.env) == ["gr002"]
        assert nodes.broken(["gr001", "gr003"]) == ["gr003"]
    assert nodes.that_can_be_left_out(["gr004"], ["gr003"], str(script), slurm.env) == []
    assert nodes.host_names("gr[001-002],gr004") == ["gr001", "gr002", "gr004"]
    assert nodes.host_names("None assigned") == []

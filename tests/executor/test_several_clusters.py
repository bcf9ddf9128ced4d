"""Partitions chosen on a real SLURM, jobs on a second real cluster, ranks of MPI on several nodes."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import second
from tests.cluster.cluster import SlurmCluster
from tests.cluster.layout import Layout
from tests.executor.workflow import Workflow

pytestmark = [pytest.mark.cluster, pytest.mark.slow(seconds=70)]

PARTITIONS = """
partitions:
  main: {cluster: bakeoff, max_runtime: 7d, max_threads: 48, max_gpu: 16, available_gpu_models: [v100]}
  long: {cluster: other, max_runtime: 7d, max_threads: 8}
  gpu: {cluster: other, max_runtime: 2d, max_gpu: 2, available_gpu_models: [a100]}
"""


@pytest.fixture(scope="module")
def other(slurm_cluster: SlurmCluster) -> Iterator[Layout]:
    """The second cluster, beside that of this test process."""
    with second.running(slurm_cluster.layout) as layout:
        yield layout


def asked(workflow: Workflow, name: str, option: str) -> set[str]:
    """What the submissions of a job gave sbatch for an option."""
    scripts = workflow.folder.glob(f".snakemake/submitit/*{name}*/*submission.sh")
    lines = [line for script in scripts for line in script.read_text().splitlines()]
    start = f"#SBATCH --{option}="
    return {line.removeprefix(start) for line in lines if line.startswith(start)}


def test_slurm_says_what_its_partitions_allow_and_jobs_go_where_they_fit(
    other: Layout, tmp_path: Path
) -> None:
    workflow = Workflow(tmp_path, "slurm", other.environment())
    workflow.write("""
        rule all:
            input: expand("{name}.txt", name=["brief", "days", "gpus", "kept", "homeless"])
        rule brief:
            output: "brief.txt"
            resources: runtime=9
            shell: "echo $SLURM_JOB_PARTITION > {output}"
        rule days:
            output: "days.txt"
            resources: runtime=120
            shell: "echo $SLURM_JOB_PARTITION > {output}"
        rule gpus:
            output: "gpus.txt"
            resources: runtime=9, gpu=2
            shell: "echo $SLURM_JOB_PARTITION > {output}"
        rule kept:
            output: "kept.txt"
            resources: runtime=9, slurm_partition="long"
            shell: "echo $SLURM_JOB_PARTITION > {output}"
        rule homeless:
            output: "homeless.txt"
            resources: runtime=9, gpu=3
            shell: "echo $SLURM_JOB_PARTITION > {output}"
    """)
    done = workflow.run("--keep-going", "--submitit-partition-config", "auto")
    assert done.returncode == 1, done.stdout
    assert asked(workflow, "brief", "partition") == {"short,spare"}, "both, as they tie"
    assert workflow.read("brief.txt").strip() in ("short", "spare")
    assert workflow.read("days.txt") == workflow.read("kept.txt") == "long\n"
    assert workflow.read("gpus.txt") == "gpu\n"
    assert "Jobs such as brief go to partition short,spare (" in done.stdout
    assert "gpu: has GPUs" in done.stdout and "shut: its state is DOWN" in done.stdout
    assert "club: accounts are members, asked for r" in done.stdout
    assert "homeless is not submitted: no partition of this SLURM takes the job (" in done.stdout
    assert "short: no GPUs, asked for 3" in done.stdout and "gpu: max_gpu is 2" in done.stdout
    assert asked(workflow, "homeless", "job-name") == set(), "it was refused before its submission"
    # A file is read before anything is submitted.
    (tmp_path / "small.yaml").write_text("partitions: {short: {max_runtime: 5}}")
    (tmp_path / "brief.txt").unlink()
    small = workflow.run("brief.txt", "--submitit-partition-config", "small.yaml")
    assert "Jobs that no partition takes:\n  rule brief: no partition of small.yaml" in small.stdout
    assert "short: max_runtime is 5 min, asked for 9" in small.stdout
    # Without being asked for, nothing is chosen; whom SLURM then refuses hears of the partition.
    (tmp_path / "gpus.txt").unlink()
    refused = workflow.run("gpus.txt")
    assert refused.returncode == 1
    assert "SLURM's default partition short: no GPUs, asked for 2" in refused.stdout, refused.stdout
    assert "Partition gpu allows it: set slurm_partition" in refused.stdout


def test_jobs_on_another_cluster_are_followed_taken_over_and_cancelled(
    workflow: Workflow, slurm: SlurmCluster, other: Layout
) -> None:
    (workflow.folder / "partitions.yaml").write_text(PARTITIONS)
    workflow.write("""
        rule all:
            input: "counts.txt", "either.txt", "0.txt", "1.txt", "fails.txt"
        rule counts:
            output: "counts.txt"
            resources: runtime=60, cluster="other"
            shell: "COUNT counts 10 0.1; echo $SLURM_CLUSTER_NAME $SLURM_JOB_PARTITION > {output}"
        rule either:
            output: "either.txt"
            resources: runtime=60, clusters="bakeoff, other", gpu_model="a100"
            shell: "echo $SLURM_CLUSTER_NAME $SLURM_JOB_PARTITION > {output}"
        rule many:
            output: "{i,[0-9]}.txt"
            resources: runtime=5, slurm_cluster="other", slurm_partition="spare"
            shell: "echo $SLURM_CLUSTER_NAME $SLURM_JOB_PARTITION > {output}"
        rule fails:
            output: "fails.txt"
            resources: runtime=5, cluster="other"
            shell: "kill -9 $PPID; sleep 60"
        rule waits:
            output: "waits.txt"
            resources: runtime=60, cluster="other"
            shell: "touch begun; sleep 300"
    """)
    options = (
        "--keep-going",
        "--submitit-ask",
        "2",
        "--submitit-partition-config",
        "partitions.yaml",
    )
    workflow.hold.touch()
    workflow.start(*options)
    workflow.wait_for(lambda: workflow.notes("counts", "step"), "it counts")
    workflow.wait_for(lambda: "fails failed" in workflow.output, "its end is noticed")
    workflow.end()
    assert "on cluster other" in workflow.output
    workflow.run("--unlock")
    workflow.hold.unlink()
    done = workflow.run(*options, "counts.txt", "either.txt", "0.txt", "1.txt")
    assert done.returncode == 0, done.stdout
    assert "counts was submitted before" in done.stdout
    assert workflow.notes("counts", "step") == [f"step {index}" for index in range(10)]
    assert workflow.read("counts.txt") == "other long\n"
    assert workflow.read("either.txt") == "other gpu\n"
    assert asked(workflow, "either", "clusters") == {"other"}, "the partition is there alone"
    assert workflow.read("0.txt") == workflow.read("1.txt") == "other spare\n"

    snakemake = workflow.start(*options, "waits.txt")
    workflow.wait_for(
        lambda: workflow.read("begun") or (workflow.folder / "begun").exists(), "it runs"
    )
    os.kill(snakemake.pid, signal.SIGINT)
    snakemake.wait(timeout=60)
    seen = slurm.run(
        "squeue", "-M", "other", "--noheader", "--states=running,pending", "--format=%j"
    )
    assert "waits" not in seen


def test_ranks_of_mpi_and_tasks_of_gpus_are_started_on_all_nodes(workflow: Workflow) -> None:
    workflow.write("""
        rule all:
            input: "ranks.txt", "nested.txt", "gpus.txt"
        rule ranks:
            output: "ranks.txt"
            resources: runtime=20, mpi="srun", tasks=6, cpus_per_task=20
            shell:
                "{resources.mpi} -n {resources.tasks} sh -c"
                " 'echo $SLURM_PROCID $SLURMD_NODENAME $SLURM_CPUS_PER_TASK' > {output}"
        rule nested:
            output: "nested.txt"
            resources: runtime=20, mpi="srun", nodes=2, tasks_per_node=2
            run:
                shell("{resources.mpi} -n 4 sh -c 'echo $SLURM_PROCID $SLURMD_NODENAME' > {output}")
        rule gpus:
            output: "gpus.txt"
            resources: runtime=20, gpu=2, tasks_per_gpu=2
            shell: "$SNAKEMAKE_JOB_LAUNCHER sh -c 'echo $SLURM_PROCID' > {output}"
    """)
    done = workflow.run("--keep-going")
    assert done.returncode == 0, done.stdout + workflow.logs()
    ranks = [line.split() for line in workflow.read("ranks.txt").splitlines()]
    assert sorted(rank for rank, _, _ in ranks) == list("012345")
    assert len({node for _, node, _ in ranks}) > 1, "SLURM spreads them"
    assert {cpus for _, _, cpus in ranks} == {"20"}
    nested = [line.split() for line in workflow.read("nested.txt").splitlines()]
    assert sorted(rank for rank, _ in nested) == list("0123")
    assert len({node for _, node in nested}) == 2
    assert sorted(workflow.read("gpus.txt").split()) == list("0123")
    assert asked(workflow, "gpus", "ntasks-per-gpu") == {"2"}

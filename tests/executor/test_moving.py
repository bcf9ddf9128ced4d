"""A workflow for snakemake-executor-plugin-slurm 2.8, with its profile, runs through ours."""

import csv
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.cluster.cluster import SlurmCluster
from tests.executor.workflow import Workflow
from tests.waiting import eventually

pytestmark = [pytest.mark.cluster, pytest.mark.slow(seconds=15)]

SNAKEFILE = """
    samples = ["a", "b", "c"]
    rule all:
        input: "model.txt", "ranks.txt"
    rule prepare:
        output: "prepared/{sample}.txt"
        threads: 2
        shell: "echo {wildcards.sample} > {output}"
    rule train:
        input: expand("prepared/{sample}.txt", sample=samples)
        output: "model.txt"
        resources: gpu=1, gpu_model="v100", runtime="2h", cpus_per_task=2
        shell: "cat {input} > {output}"
    rule ranks:
        output: "ranks.txt"
        resources: tasks=2, mpi="srun", runtime=5
        shell: "{resources.mpi} -n {resources.tasks} echo rank > {output}"
"""
PARTITIONS = """
partitions:
  main:
    max_runtime: 1h
    max_mem_mb_per_cpu: 4000
  high:
    max_runtime: 1d
    max_gpu: 4
    available_gpu_models: [rtx8000, v100]
    supports_mpi: false
"""
# Version 2.8.0 of that plugin takes it as it is, and chooses the same partitions.
PROFILE = """
executor: slurm
jobs: 20
latency-wait: 3
slurm-partition-config: partitions.yaml
slurm-efficiency-report: true
slurm-efficiency-report-path: reports
slurm-exclude-failed-nodes: gr003
slurm-logdir: logs/slurm
slurm-keep-successful-logs: true
slurm-delete-logfiles-older-than: 5
slurm-jobname-prefix: lab5
slurm-qos: normal
slurm-requeue: true
slurm-array-jobs: prepare
slurm-init-seconds-before-status-checks: 2
default-resources:
  slurm_account: research
  mem_mb_per_cpu: 1000
  runtime: 10
set-resources:
  train:
    slurm_extra: "'--nice=10'"
"""


@pytest.fixture
def moved(workflow: Workflow) -> Iterator[Workflow]:
    """The workflow with its profile, and the profile that the moving page's command makes of it."""
    workflow.write(SNAKEFILE)
    for name, text in (("slurm/config.yaml", PROFILE), ("slurm/partitions.yaml", PARTITIONS)):
        (workflow.folder / name).parent.mkdir(exist_ok=True)
        (workflow.folder / name).write_text(text)
    command = [sys.executable, "-m", "snakemake_executor_plugin_submitit.migrate", "slurm"]
    done = subprocess.run(command, cwd=workflow.folder, capture_output=True, text=True, check=True)
    (workflow.folder / "slurm/submitit.yaml").write_text(done.stdout)
    yield workflow


def test_it_runs_with_the_flags_of_the_moving_page(moved: Workflow, slurm: SlurmCluster) -> None:
    command = [sys.executable, "-m", "snakemake", "--profile", "slurm/submitit.yaml"]
    done = subprocess.run(
        command, cwd=moved.folder, env=moved.env, capture_output=True, text=True, timeout=150
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert moved.read("model.txt").split() == ["a", "b", "c"]
    assert moved.read("ranks.txt").split() == ["rank", "rank"]
    # SLURM's accounting may hear of a job's end later than Snakemake does.
    eventually(lambda: len(accounted(slurm)) == 5)
    jobs = accounted(slurm)
    prepare = {name: job for name, job in jobs.items() if ".prepare." in name}
    assert len(prepare) == 3 and all("_" in job["JobID"] for job in prepare.values()), "an array"
    train, ranks = jobs["lab5.train"], jobs["lab5.ranks"]
    assert {job["Partition"] for job in (*prepare.values(), ranks)} == {"main"}
    assert (train["Partition"], train["NodeList"]) == ("high", "gr004"), "not gr003"
    for job in jobs.values():
        assert (job["Account"], job["QOS"]) == ("research", "normal")
    assert "mem=2000M" in ranks["ReqTRES"] and "gres/gpu=1" in train["ReqTRES"]
    logs = list((moved.folder / "logs/slurm").glob("*/*_log.out"))
    assert len(logs) == 5, "also those of jobs that succeeded"
    with (moved.folder / "reports/efficiency_report.csv").open() as stream:
        rules = {row["rule"] for row in csv.DictReader(stream)}
    assert rules == {"prepare", "train", "ranks"}


def accounted(slurm: SlurmCluster) -> dict[str, dict[str, str]]:
    """What the accounting has of the jobs of this test that have ended, by name."""
    fields = ("JobName", "JobID", "Partition", "NodeList", "Account", "QOS", "ReqTRES", "State")
    lines = slurm.run("sacct", "-nPX", f"-o{','.join(fields)}", "-S", "now-1hours").splitlines()
    found = [dict(zip(fields, line.split("|"), strict=True)) for line in lines]
    return {
        job["JobName"]: job
        for job in found
        if job["JobName"].startswith("lab5.") and job["State"] == "COMPLETED"
    }

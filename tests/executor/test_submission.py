"""How jobs go out: arrays under the site's limits, -j, groups, several tasks, a wrapper as Python."""

import json
import sys

import pytest

from tests.cluster.cluster import SlurmCluster
from tests.executor.workflow import Workflow

pytestmark = [pytest.mark.cluster, pytest.mark.slow]


def test_jobs_of_equal_resources_are_arrays_below_the_limit(workflow: Workflow) -> None:
    workflow.write("""
        rule all:
            input: expand("{size}.{i}.txt", size=["small", "large"], i=range(7))
        rule make:
            output: "{size}.{i}.txt"
            resources:
                runtime=5,
                mem_mb=lambda wildcards: {"small": 50, "large": 60}[wildcards.size],
                comment="preemption=yes;requeue=true",
            shell: # the job gets its own name while it runs
                "for i in $(seq 100); do"
                " scontrol show job ${{SLURM_ARRAY_JOB_ID}}_$SLURM_ARRAY_TASK_ID > {output};"
                " grep -q 'JobName=.*{wildcards.i}$' {output} && break; sleep 0.2; done"
    """)
    done = workflow.run("--submitit-array-size", "4")
    assert done.returncode == 0, done.stdout
    assert done.stdout.count(" are array ") == 4, "7 small and 7 large jobs, 4 at most in one"
    described = workflow.read("small.0.txt")
    assert "Comment=preemption=yes;requeue=true" in described
    assert "Requeue=1" in described
    assert "JobName=make.small.i-0" in described
    assert "JobName=make.large.i-6" in workflow.read("large.6.txt")


def test_j_limits_running_jobs_and_nothing_deadlocks(workflow: Workflow) -> None:
    workflow.write("""
        rule all:
            input: expand("{i}.txt", i=range(5))
        rule make:
            output: "{i}.txt"
            resources: runtime=5
            shell: "date +%s.%N >> times; sleep 1; date +%s.%N > {output}"
    """)
    done = workflow.run("--jobs", "2")
    assert done.returncode == 0, done.stdout
    starts = sorted(float(word) for word in workflow.read("times").split())
    ends = sorted(float(workflow.read(f"{i}.txt")) for i in range(5))
    assert all(starts[i + 2] > ends[i] for i in range(3)), "never more than two at a time"


def test_a_group_is_one_job(workflow: Workflow) -> None:
    workflow.write("""
        rule all:
            input: "c.txt"
        rule a:
            output: "a.txt"
            group: "all_in_one"
            resources: runtime=5
            shell: "echo $SLURM_JOB_ID > {output}; scontrol show job $SLURM_JOB_ID > description"
        rule b:
            input: "a.txt"
            output: "b.txt"
            group: "all_in_one"
            resources: runtime=5
            shell: "cat {input} > {output}; echo $SLURM_JOB_ID >> {output}"
        rule c:
            input: "b.txt"
            output: "c.txt"
            resources: runtime=5
            shell: "cat {input} > {output}; echo $SLURM_JOB_ID >> {output}"
    """)
    done = workflow.run()
    assert done.returncode == 0, done.stdout + workflow.logs()
    first, second, third = workflow.read("c.txt").split()
    assert first == second != third
    assert "JobName=group.a.b" in workflow.read("description")


def test_a_job_of_two_nodes_starts_its_tasks_with_the_launcher(workflow: Workflow) -> None:
    tasks = (
        """$SNAKEMAKE_JOB_LAUNCHER bash -c 'echo $SLURM_PROCID $SLURM_NTASKS $SLURMD_NODENAME'"""
    )
    workflow.write(f"""
        rule all:
            input: "short.txt", "long.txt"
        rule short:
            output: "short.txt"
            resources: runtime=5, nodes=2, tasks=4, gpu=4, gpu_model="v100"
            shell: "{tasks} > {{output}}"
        rule long:
            output: "long.txt"
            resources: runtime=60, nodes=2, tasks=2
            shell: "{tasks} > {{output}}"
    """)
    done = workflow.run()
    assert done.returncode == 0, done.stdout + workflow.logs()
    short = sorted(line.split() for line in workflow.read("short.txt").splitlines())
    assert [line[:2] for line in short] == [[str(rank), "4"] for rank in range(4)]
    assert {line[2] for line in short} == {"gr003", "gr004"}, "where the v100 are"
    long = sorted(line.split() for line in workflow.read("long.txt").splitlines())
    assert [line[:2] for line in long] == [["0", "2"], ["1", "2"]]
    assert len({line[2] for line in long}) == 2


def test_python_may_be_a_wrapper_and_secrets_are_inherited(
    workflow: Workflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrapper = workflow.folder / "container"
    wrapper.write_text('#!/bin/bash\nexport INSIDE=yes\nexec "$@"\n')
    wrapper.chmod(0o755)
    monkeypatch.setenv("TOKEN", "a 'hush'")
    workflow.write("""
        envvars: "TOKEN"
        rule all:
            input: "direct.txt", "nested.txt"
        rule direct:
            output: "direct.txt"
            resources: runtime=5
            shell: "echo $INSIDE $TOKEN $SETUP > {output}"
        rule nested:
            output: "nested.txt"
            resources: runtime=60
            run:
                import os
                values = [os.environ[name] for name in ("INSIDE", "TOKEN", "SETUP")]
                open(output[0], "w").write(" ".join(values))
                shell("ps -ewwo args > processes.txt")
    """)
    python = f"{wrapper} {sys.executable}"
    done = workflow.run("--submitit-python", python, "--submitit-setup", "export SETUP=before")
    assert done.returncode == 0, done.stdout + workflow.logs()
    for name in ("direct.txt", "nested.txt"):
        assert workflow.read(name).strip() == "yes a 'hush' before"
    assert "--target-jobs" in workflow.read("processes.txt"), "the nested Snakemake's own command"
    assert "hush" not in workflow.read("processes.txt")
    specifications = list(workflow.folder.glob(".snakemake/submitit/*/0.json"))
    assert len(specifications) == 2
    assert not any("hush" in path.read_text() for path in specifications)


def test_a_power_loss_of_a_node_is_survived(workflow: Workflow, slurm: SlurmCluster) -> None:
    workflow.write("""
        rule all:
            input: "out.txt"
        rule one:
            output: "out.txt"
            resources: runtime=60, cpus_per_task=48
            shell:
                "echo $SLURMD_NODENAME >> nodes; "
                "until [ $(wc -l < nodes) -ge 2 ]; do sleep 0.1; done; "
                "cp nodes {output}"
    """)
    workflow.start("--submitit-ask", "2")
    workflow.wait_for(lambda: workflow.read("nodes").split(), "it runs")
    node = workflow.read("nodes").split()[0]
    slurm.kill_node(node)
    slurm.run("scontrol", "update", f"nodename={node}", "state=down", "reason=power")
    assert workflow.process is not None
    assert workflow.process.wait(timeout=90) == 0, workflow.output + workflow.logs()
    assert len(workflow.read("nodes").split()) == 2
    registry = workflow.folder / ".snakemake/submitit/registry"
    assert not list(registry.iterdir()), [
        json.loads(path.read_text()) for path in registry.iterdir()
    ]


@pytest.mark.slow(seconds=40)
def test_a_signal_reaches_the_rule_and_a_job_that_must_not_be_requeued_fails(
    workflow: Workflow, slurm: SlurmCluster
) -> None:
    # SLURM may send the signal 60 seconds early: of two minutes, 45 leave 15 for a job to begin to listen.
    workflow.write("""
        rule all:
            input: "direct.txt", "nested.txt", "lost.txt"
        rule direct:
            output: "direct.txt"
            resources: runtime=2, slurm_extra="--signal=USR1@45"
            shell:
                "python3 -c 'import signal; signal.pthread_sigmask(0, [10]); signal.sigwait([10])'; "
                "echo heard > {output}"
        rule nested:
            output: "nested.txt"
            benchmark: "nested.tsv"
            resources: runtime=2, slurm_extra="--signal USR1@45"
            shell:
                "python3 -c 'import signal; signal.pthread_sigmask(0, [10]); signal.sigwait([10])'; "
                "echo heard > {output}"
        rule lost:
            output: "lost.txt"
            resources: runtime=60, cpus_per_task=48, slurm_extra="--no-requeue --nodelist=gr004"
            shell:
                "echo started >> starts; scontrol show job $SLURM_JOB_ID > description; "
                "sleep 100; touch {output}"
    """)
    workflow.start("--submitit-ask", "2", "--keep-going")
    workflow.wait_for(lambda: "Requeue=0" in workflow.read("description"), "it runs")
    slurm.kill_node("gr004")
    slurm.run("scontrol", "update", "nodename=gr004", "state=down", "reason=power")
    assert workflow.process is not None
    assert workflow.process.wait(timeout=150) == 1, workflow.output + workflow.logs()
    assert workflow.read("starts") == "started\n"
    assert "lost failed: " in workflow.output
    assert workflow.read("direct.txt") == workflow.read("nested.txt") == "heard\n"

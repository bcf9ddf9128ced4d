"""What is refused, and what is waited for: contradictions, retries, a silent controller, a hold."""

import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.cluster.cluster import SlurmCluster
from tests.executor.workflow import Workflow, stand_in

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

ONE = """
    rule one:
        output: "out.txt"
        resources: runtime={runtime}
        shell: "touch {{output}}"
"""


@contextmanager
def limit(slurm: SlurmCluster, name: str, value: int) -> Iterator[None]:
    """A limit of the user's association, such as MaxSubmitJobs; afterwards there is none."""
    modify = ("sacctmgr", "--immediate", "modify", "user", "root", "set")
    slurm.run(*modify, f"{name}={value}")
    try:
        yield
    finally:
        slurm.run(*modify, f"{name}=-1")


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
    assert snakemake.wait(timeout=90) == 0, workflow.output


def test_a_limit_on_queued_jobs_is_kept_by_waiting_with_few_requests(
    workflow: Workflow, slurm: SlurmCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    workflow.write("""
        rule all:
            input: expand("{i}.txt", i=range(24))
        rule one:
            output: "{i}.txt"
            resources: runtime=5
            shell: "echo run >> runs; until [ -e go ]; do sleep 0.2; done; touch {output}"
    """)
    for name in ("sbatch", "squeue", "sacct"):
        script = f'echo {name} >> {workflow.folder}/calls; exec /usr/bin/{name} "$@"'
        stand_in(workflow.folder, name, script, monkeypatch)
    with limit(slurm, "MaxSubmitJobs", 4):
        snakemake = workflow.start()
        workflow.wait_for(lambda: "no more than 1 jobs at once" in workflow.output, "it is full")
        time.sleep(2)  # while all but four are refused
        commands = workflow.read("calls").split()
        folders = list((workflow.folder / ".snakemake/submitit").glob("*-one.*"))
    assert commands.count("sbatch") <= 10, "24, 12, 6, 3, then ever fewer"
    assert len(commands) - commands.count("sbatch") <= 1, (
        "a refusal is an answer: nothing is looked for"
    )
    assert len(folders) <= 4, "nothing remains of what was refused"
    (workflow.folder / "go").touch()
    assert snakemake.wait(timeout=60) == 0, workflow.output
    assert len(workflow.read("runs").split()) == 24


@pytest.mark.parametrize("others", [True, False], ids=["other jobs", "no job"])
def test_a_single_job_waits_below_a_limit_only_where_other_jobs_are_in_its_way(
    workflow: Workflow, slurm: SlurmCluster, others: bool
) -> None:
    workflow.write(ONE.format(runtime=5))
    if others:  # submitted by hand
        other = slurm.run("sbatch", "--parsable", "--wrap", "sleep 600", "--output=/dev/null")
    with limit(slurm, "MaxSubmitJobs", int(others)):
        snakemake = workflow.start()
        if others:
            workflow.wait_for(lambda: "no more than 1 jobs at once" in workflow.output, "it waits")
            assert snakemake.poll() is None
            slurm.run("scancel", other)
        assert snakemake.wait(timeout=90) == (0 if others else 1), workflow.output
    assert (workflow.folder / "out.txt").exists() == others
    assert ("is refused by sbatch" in workflow.output) != others


def test_a_job_that_asks_for_too_much_is_refused_although_others_are_queued(
    workflow: Workflow, slurm: SlurmCluster
) -> None:
    workflow.write(ONE.format(runtime=20))
    slurm.run("sbatch", "--wrap", "sleep 600", "--time=5", "--output=/dev/null")
    qos = ("sacctmgr", "--immediate", "modify", "qos", "normal", "set")
    slurm.run(*qos, "Flags=DenyOnLimit")  # instead of a job that waits in the queue for ever
    try:
        with limit(slurm, "MaxWall", 10):
            done = workflow.run(timeout=90)
    finally:
        slurm.run(*qos, "Flags=-1")
    assert done.returncode == 1
    assert "one is refused by sbatch: sbatch: error: AssocMaxWallDurationPerJobLimit" in done.stdout


@pytest.mark.parametrize("array", [(), ("--array=3",)], ids=["job", "array"])
def test_the_job_that_snakemake_itself_runs_in_is_not_waited_for(
    workflow: Workflow, slurm: SlurmCluster, array: tuple[str, ...]
) -> None:
    workflow.write(ONE.format(runtime=5))
    where = ("--mem=2000", f"--chdir={workflow.folder}", "--output=output.txt")
    with limit(slurm, "MaxSubmitJobs", 1):
        slurm.run("sbatch", *array, *where, "--wrap", shlex.join(workflow.command()))
        workflow.wait_for(lambda: not slurm.run("squeue", "-h"), "Snakemake has ended")
    assert "is refused by sbatch: sbatch: error: AssocMaxSubmitJobLimit" in workflow.output


def test_cleaning_also_takes_the_folders_of_submissions_that_slurm_never_got(
    workflow: Workflow, slurm: SlurmCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    workflow.write("""
        rule all:
            input: "1.txt", "2.txt"
        rule one:
            output: "{i}.txt"
            resources: runtime=5
            shell: "touch {output}"
    """)
    asked = workflow.folder / "asked"
    away = f'[ -e {asked} ] || {{ touch {asked}; echo "Socket timed out" >&2; exit 1; }}'
    stand_in(workflow.folder, "sbatch", f'{away}; exec /usr/bin/sbatch "$@"', monkeypatch)
    done = workflow.run("--submitit-clean")
    assert done.returncode == 0, done.stdout
    assert "SLURM cannot be reached" in done.stdout
    assert workflow.submissions() == []

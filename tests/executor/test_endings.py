"""One workflow whose jobs meet every end at once: failures, limits, preemption, requeues."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cluster.cluster import SlurmCluster
from tests.cluster.fixtures import mended
from tests.executor.workflow import Workflow

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

# The last four fill a node each, so that a job in `high` must preempt them.
RULES = """
    rule all:
        input:
            "fails.txt", "cancelled.txt", "memory.txt", "late.txt", "nowhere.txt", "saves.txt",
            "lowered.txt", "taken.txt", "moved_late.txt", "direct.txt", "nested.txt", "plain.txt", "moved.txt"
    rule fails:
        output: "fails.txt"
        resources: runtime=5
        shell: "echo the last words; exit 3"
    rule cancelled:
        output: "cancelled.txt"
        resources: runtime=5
        shell: "sleep 100"
    rule memory:
        output: "memory.txt"
        resources: runtime=60, mem_mb=100
        shell: "python3 -c 'x = bytearray(300_000_000); import time; time.sleep(60)'"
    rule late:
        output: "late.txt"
        resources: runtime=1
        shell: "sleep 200"
    rule saves:
        output: "saves.txt"
        resources: runtime=1
        shell: "COUNT saves 20 0.1; cp saves.done {output}"
    rule lowered:
        output: "lowered.txt"
        resources: runtime=60
        shell: "test -e lowered.state || COUNT lowered 20 0.1; cp lowered.state {output}"
    rule taken:
        output: "taken.txt"
        resources: runtime=1
        shell:
            "echo $SNAKEMAKE_JOB_NOTICE >> taken.starts; "
            "[ $(wc -l < taken.starts) = 2 ] || sleep 100; touch {output}"
    rule moved_late:
        output: "moved_late.txt"
        resources: runtime=1
        shell:
            "echo $SNAKEMAKE_JOB_NOTICE >> moved_late.starts; "
            "[ $(wc -l < moved_late.starts) = 2 ] || sleep 100; touch {output}"
    rule nowhere:
        output: "nowhere.txt"
        resources: runtime=5, slurm_partition="absent"
        shell: "true"
    rule direct:
        output: "direct.txt"
        resources: runtime=60, cpus_per_task=40, slurm_extra="--nodelist=gr001"
        shell: "COUNT direct 20 0.1; cp direct.done {output}"
    rule nested:
        output: "nested.txt"
        benchmark: "nested.benchmark"
        resources: runtime=60, cpus_per_task=40, slurm_extra="--nodelist=gr002"
        shell: "COUNT nested 20 0.1; cp nested.done {output}"
    rule plain:
        output: "plain.txt"
        resources: runtime=60, cpus_per_task=40, slurm_extra="--nodelist=gr003"
        shell: "COUNT plain 20 0.1 deaf; cp plain.done {output}"
    rule moved:
        output: "moved.txt"
        resources: runtime=5, cpus_per_task=40, slurm_extra="--nodelist=gr004"
        shell: "COUNT moved 20 0.1; cp moved.done {output}"
"""
COUNTING = ("lowered", "direct", "nested", "plain", "moved")


@dataclass
class Endings:
    """What happened."""

    workflow: Workflow
    code: int
    cancelled: str  # the id of the job that was cancelled

    def message(self, name: str) -> str:
        """The part of Snakemake's output about one failed job."""
        _, _, rest = self.workflow.output.partition(f"{name} failed:")
        assert rest, f"nothing about {name} in\n{self.workflow.output}"
        return rest.partition("For further error details")[0]


@pytest.fixture(scope="module")
def endings(
    slurm_cluster: SlurmCluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Endings]:
    """Run the workflow and disturb it."""
    workflow = Workflow(tmp_path_factory.mktemp("endings"), "slurm", slurm_cluster.env)
    workflow.write(RULES)
    workflow.hold.touch()
    with mended(slurm_cluster):
        run = slurm_cluster.run
        snakemake = workflow.start("--keep-going", "--submitit-ask", "4", "--submitit-notice", "30")
        for name in COUNTING:
            workflow.wait_for(lambda name=name: len(workflow.notes(name, "step")) > 5, name)
        for node in ("gr001", "gr002", "gr003"):
            run(
                "sbatch", "--partition=high", "--cpus-per-task=44", f"--nodelist={node}",
                "--output=/dev/null", "--wrap=sleep 1",
            )  # fmt: skip
        run("scontrol", "requeue", run("squeue", "-h", "--name=moved", "-o%i"))
        run(
            "scontrol",
            "update",
            f"jobid={run('squeue', '-h', '--name=lowered', '-o%i')}",
            "timelimit=1",
        )
        cancelled = run("squeue", "-h", "-tR", "--name=cancelled", "-o%i")
        run("scancel", cancelled)
        for name, disturb in {
            # What SLURM does to a job's processes when it preempts one that has a grace time.
            "taken": ("scancel", "--full", "--signal=TERM"),
            "moved_late": ("scontrol", "requeue"),
        }.items():
            notice = Path(workflow.read(f"{name}.starts").strip())
            workflow.wait_for(notice.is_file, f"{name} has its notice", 60)
            run(*disturb, run("squeue", "-h", "--array", f"--name={name}", "-o%i"))
        for name in ("direct", "nested", "plain", "moved"):
            workflow.wait_for(
                lambda name=name: len(workflow.notes(name, "start")) == 2, f"{name} is back", 120
            )
        for name in ("saves", "lowered"):
            workflow.wait_for(lambda name=name: workflow.notes(name, "saved"), f"{name} saves", 120)
        workflow.hold.unlink()
        code = snakemake.wait(timeout=180)
    yield Endings(workflow, code, cancelled)
    workflow.end()


@pytest.mark.slow(seconds=80)
def test_the_message_of_a_failed_job_says_what_happened_where(endings: Endings) -> None:
    assert endings.code == 1
    said = endings.message("fails")
    assert "reason: exit code 3" in said
    assert "rule: rule fails" in said
    assert re.search(r"job: \d+(_\d+)? \(fails\)", said)
    assert re.search(r"node: gr00\d", said)
    assert "| the last words" in said
    assert re.search(r"log: /\S+_0_log.out", said)


def test_a_job_that_somebody_cancelled_is_not_requeued(endings: Endings) -> None:
    assert "reason: cancelled" in endings.message("cancelled")
    assert f"job: {endings.cancelled} (cancelled)" in endings.message("cancelled")


def test_too_much_memory_and_a_time_limit_are_the_reason(endings: Endings) -> None:
    assert "reason: out of memory" in endings.message("memory")
    assert "reason: time limit" in endings.message("late")


def test_what_sbatch_refuses_is_said_in_its_words(endings: Endings) -> None:
    assert "nowhere is refused by sbatch" in endings.workflow.output
    assert "invalid partition" in endings.workflow.output.lower()


def test_a_job_that_saves_at_its_time_limit_goes_on_where_it_was(endings: Endings) -> None:
    workflow = endings.workflow
    assert workflow.notes("saves", "step") == [f"step {index}" for index in range(20)]
    assert workflow.notes("saves", "saved")[0].endswith("time limit")
    assert (workflow.folder / "saves.txt").exists()


def test_a_limit_that_was_lowered_meanwhile_is_a_time_limit_too(endings: Endings) -> None:
    workflow = endings.workflow
    assert len(workflow.notes("lowered", "saved")) == 1, "SLURM ends it without a notice of ours"
    assert (workflow.folder / "lowered.txt").exists()
    assert "lowered: time limit; saved" in workflow.logs(), workflow.logs()


@pytest.mark.parametrize("name", ["taken", "moved_late"])
def test_a_job_that_is_taken_away_before_its_limit_did_not_fail_at_it(
    endings: Endings, name: str
) -> None:
    """The notice of the limit had come, and the rule cannot save: SLURM's reason counts."""
    assert len(endings.workflow.read(f"{name}.starts").split()) == 2
    assert (endings.workflow.folder / f"{name}.txt").exists()


@pytest.mark.parametrize("name", ["direct", "nested", "moved"])
def test_preempted_and_requeued_jobs_repeat_nothing_that_was_saved(
    endings: Endings, name: str
) -> None:
    workflow = endings.workflow
    assert workflow.notes(name, "step") == [f"step {index}" for index in range(20)]
    assert workflow.notes(name, "saved")[0].endswith("preempted")
    assert workflow.notes(name, "signal"), "it registered and should get a signal"
    starts = workflow.notes(name, "start")
    assert len(starts) == 2
    assert len({line.split()[-1] for line in starts}) == 1, "a requeued job keeps its id"
    assert workflow.read(f"{name}.txt") == "20\n"


def test_a_preempted_job_that_cannot_save_starts_again(endings: Endings) -> None:
    assert len(endings.workflow.notes("plain", "start")) == 2
    assert endings.workflow.read("plain.txt") == "20\n"

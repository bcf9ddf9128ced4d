"""What SLURM 22.05 said of real jobs, recorded on the test cluster, and the forms of other versions."""

from pathlib import Path

import pytest

from snakemake_executor_plugin_submitit.efficiency import sacct
from snakemake_executor_plugin_submitit.efficiency.sacct import Attempt

KIB = 1024.0
# 1 python in the batch step, 2 killed for its memory, 3 killed at its limit, 4 srun of four tasks on two
# nodes, 5 an array, 6 over at once, 7 memory by CPU, 8 requeued, 10 cancelled, 12 cancelled while it waited.
RECORDED = sacct.read(Path(__file__).with_name("sacct-22.05.txt").read_text())


def one(job_id: str) -> Attempt:
    (attempt,) = RECORDED[job_id]
    return attempt


def test_a_job_that_ran_says_what_it_was_given_and_what_it_used() -> None:
    job = one("1")
    assert (job.cpus, job.memory, job.gpus) == (2, 4000 * KIB**2, 0)
    assert (job.elapsed, job.used_cpu_seconds) == (11, 3.452)
    assert job.used_memory == 300700 * KIB
    assert job.settled


def test_members_of_an_array_are_told_apart() -> None:
    # The batch step and the one in it run at the same time.
    assert one("5_0").used_memory == (153899 + 4183) * KIB
    assert one("5_1").used_memory == (153867 + 4133) * KIB


def test_a_job_of_several_tasks_has_to_fit_all_of_them() -> None:
    job = one("4")
    assert (job.gpus, job.memory) == (2, 1024 * KIB**2), "GPUs in all, memory on each node"
    # Not 202,982 KiB, which is the largest task alone.
    assert job.used_memory == 811596 / 2 * KIB + 4417 * KIB
    assert job.used_cpu_seconds == pytest.approx(8.707)


def test_a_job_that_slurm_killed_has_used_what_was_seen_of_it() -> None:
    job = one("2")
    assert job.cpu_seconds == 0.002, "as its line says"
    assert job.used_cpu_seconds == 1, "of its processes, which nobody waited for"
    assert job.used_memory > job.memory
    assert one("3").used_cpu_seconds == 47.431


def test_a_requeued_job_has_all_its_attempts() -> None:
    first, second = RECORDED["8"]
    assert (first.elapsed, second.elapsed) == (7, 13)
    assert (first.settled, second.settled) == (False, True)
    assert [first.used_memory, second.used_memory] == [349262 * KIB, 349824 * KIB]


def test_of_a_job_that_was_over_at_once_nothing_is_known_rather_than_nothing_used() -> None:
    assert one("6").used_memory == 0
    assert one("12").memory == 0 and one("12").elapsed == 0


def test_steps_that_ran_one_after_the_other_are_not_added() -> None:
    text = (
        "1|COMPLETED|2026-01-01T10:00:00|2026-01-01T10:10:00|600|05:00|1|1|||mem=1G||\n"
        "1.batch|COMPLETED|2026-01-01T10:00:00|2026-01-01T10:10:00|600|00:01|1|1|1|10M|||mem=10M\n"
        "1.0|COMPLETED|2026-01-01T10:00:00|2026-01-01T10:05:00|300|02:00|1|1|1|500M|||mem=500M\n"
        "1.1|COMPLETED|2026-01-01T10:05:00|2026-01-01T10:10:00|300|02:00|1|1|1|400M|||mem=400M"
    )
    (job,) = sacct.read(text)["1"]
    assert job.used_memory == 510 * KIB**2


def test_gpus_are_read_where_the_accounting_has_them() -> None:
    text = (
        "7|COMPLETED|2026-01-01T10:00:00|2026-01-01T10:10:00|600|05:00|4|1|||"
        "cpu=4,gres/gpu:v100=1,gres/gpu=1,mem=16G||\n"
        "7.0|COMPLETED|2026-01-01T10:00:00|2026-01-01T10:10:00|600|05:00|4|1|1|2G|cpu=4,mem=16G|"
        "cpu=00:05:00,gres/gpumem=9120M,gres/gpuutil=71,mem=2G|cpu=00:05:00,mem=2G"
    )
    (job,) = sacct.read(text)["7"]
    (step,) = job.steps
    assert (job.gpus, step.gpu_busy, step.gpu_memory) == (1, 71, 9120 * KIB**2)
    assert one("4").steps[0].gpu_busy is None, "unknown, not idle"


def test_an_accounting_without_totals_gives_the_largest_task_of_each() -> None:
    text = (
        "7|COMPLETED|2018-01-01T10:00:00|2018-01-01T10:10:00|600|05:00|4|1|||||\n"
        "7.0|COMPLETED|2018-01-01T10:00:00|2018-01-01T10:10:00|600|05:00|4|1|4|200M|||"
    )
    (job,) = sacct.read(text)["7"]
    assert job.used_memory == 800 * KIB**2


def test_lines_about_no_job_are_left_out() -> None:
    assert sacct.read("Welcome to the cluster|\n\n12+0|RUNNING|x") == {}


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1-02:03:04", 93784.0), ("02:03:04", 7384.0), ("02:03.250", 123.25), ("00:00.001", 0.001),
        ("", 0.0), ("Partition_Limit", 0.0),
    ],
)  # fmt: skip
def test_durations_in_all_their_forms(text: str, seconds: float) -> None:
    assert sacct.seconds(text) == seconds


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("300700K", 300700 * KIB), ("2G", 2 * KIB**3), ("1.50T", 1.5 * KIB**4), ("0", 0.0),
        ("2048", 2048.0), ("", 0.0), ("16?", 0.0),
    ],
)  # fmt: skip
def test_memory_in_all_its_units(text: str, size: float) -> None:
    assert sacct.size(text) == size

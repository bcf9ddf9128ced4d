"""Resources by the names of the slurm plugin become sbatch options, or are refused with the reason."""

import doctest

import pytest

from snakemake_executor_plugin_submitit.resources import job_names, slurm_extra
from snakemake_executor_plugin_submitit.resources.contradiction import ContradictionError
from snakemake_executor_plugin_submitit.resources.sbatch_options import translate
from snakemake_executor_plugin_submitit.slurm import queries, states
from snakemake_executor_plugin_submitit.slurm.queries import Seen
from snakemake_executor_plugin_submitit.slurm.states import STATUSES, JobStatus


@pytest.mark.parametrize(
    ("given", "threads", "options"),
    [
        ({}, 1, {"nodes": 1, "ntasks": 1, "cpus-per-task": 1}),
        ({"runtime": 90.5}, 4, {"time": 91, "cpus-per-task": 4}),
        ({"mem_mb": 2000}, 1, {"mem": "2000M"}),
        ({"mem_mb": 1000, "mem_mb_per_cpu": 500}, 1, {"mem-per-cpu": "500M"}),
        ({"gpu": 1}, 1, {"gres": "gpu:1"}),
        ({"gpu": 4, "gpu_model": "v100", "nodes": 2}, 1, {"gres": "gpu:v100:2", "nodes": 2}),
        ({"gpu": 3, "nodes": 2}, 1, {"gpus": "3"}),
        ({"gpu_model": "h200"}, 1, {"gres": "gpu:h200:1"}),
        ({"gres": "gpu:rtx8000:1"}, 1, {"gres": "gpu:rtx8000:1"}),
        ({"gpu_model": "nvidia_a100-sxm4-40gb"}, 1, {"gres": "gpu:nvidia_a100-sxm4-40gb:1"}),
        ({"gres": "gpu:a100-80g:1"}, 1, {"gres": "gpu:a100-80g:1"}),
        ({"mem_mb": 0, "slurm_extra": "--mem-per-gpu=9G"}, 1, {"mem-per-gpu": "9G"}),
        ({"gres": "tmp:10", "gpu": 1}, 1, {"gres": "tmp:10,gpu:1"}),
        ({"nodes": 2, "tasks_per_node": 3}, 1, {"ntasks": 6, "ntasks-per-node": 3}),
        ({"mpi": "srun", "tasks": 64}, 1, {"ntasks": 64}),
        ({"mpi": "mpirun", "nodes": 2, "tasks_per_node": 3}, 1, {"nodes": 2, "ntasks": 6}),
        ({"mpi": "srun", "tasks": 4, "gpu": 4}, 1, {"ntasks": 4, "gpus": "4"}),
        ({"gpu": 2, "tasks_per_gpu": 2}, 1,
         {"ntasks": 4, "ntasks-per-gpu": 2, "gres": "gpu:2", "nodes": 1}),
        ({"gres": "gpu:v100:2", "nodes": 2, "slurm_extra": "--ntasks-per-gpu=1"}, 1,
         {"ntasks": 4, "ntasks-per-gpu": 1}),
        ({"clusters": "north, south"}, 1, {"clusters": "north,south"}),
        ({"slurm_cluster": "north", "cluster": "north"}, 1, {"clusters": "north"}),
        ({"slurm_extra": "-M north"}, 1, {"clusters": "north"}),
        ({"slurm_account": "a", "qos": "q", "constraint": "h200|l40s"}, 1,
         {"account": "a", "qos": "q", "constraint": "h200|l40s"}),
        ({"comment": "preemption=yes;requeue=true"}, 1, {"comment": "preemption=yes;requeue=true"}),
        ({"slurm_extra": "--exclusive -x gr001"}, 1, {"exclusive": True, "exclude": "gr001"}),
        ({"slurm_extra": "--reservation=class"}, 1, {"reservation": "class"}),
        ({"slurm_extra": "-A a -p p -q q"}, 1, {"account": "a", "partition": "p", "qos": "q"}),
        ({"slurm_extra": "--nice=150 --gres=gpu:1"}, 1, {"nice": "150", "gres": "gpu:1"}),
        ({"slurm_extra": "--reservation class", "reservation": "class"}, 1, {"reservation": "class"}),
        ({"slurm_extra": "--ntasks-per-node 2", "nodes": 3}, 1, {"ntasks-per-node": 2, "ntasks": 6}),
        ({"slurm_extra": "--no-requeue -H"}, 1, {"no-requeue": True, "hold": True}),
        ({"slurm_extra": "--signal=R:USR1@120"}, 1, {"signal": "R:USR1@120"}),
        ({"slurm_extra": "--signal SIGINT"}, 1, {"signal": "SIGINT"}),
        ({"slurm_extra": "-mcyclic -b 16:00 -s"}, 1,
         {"distribution": "cyclic", "begin": "16:00", "oversubscribe": True}),
    ],
)  # fmt: skip
def test_resources_become_options(
    given: dict[str, object], threads: int, options: dict[str, object]
) -> None:
    assert dict(translate(given, threads).options).items() >= options.items()


def test_ranks_of_mpi_go_to_as_many_nodes_as_slurm_gives_them() -> None:
    spread = translate({"mpi": "srun", "tasks": 64}, 1)
    assert spread.mpi and spread.nodes is None and "nodes" not in dict(spread.options)
    assert "--nodes" not in spread.launcher and "--ntasks=64" in spread.launcher
    assert dict(translate({"tasks": 64}, 1).options)["nodes"] == 1, "other tasks stay together"
    assert dict(translate({"mpi": "srun", "tasks_per_node": 64}, 1).options)["nodes"] == 1


def test_no_tasks_per_gpu_are_asked_for_with_0_or_less() -> None:
    for number in (0, -1):
        assert translate({"tasks_per_gpu": number}, 1) == translate({}, 1)


def test_a_negative_number_of_cpus_asks_for_none() -> None:
    assert "cpus-per-task" not in dict(translate({"cpus_per_task": -1}, 4).options)


def test_what_is_done_anyway_may_be_asked_for() -> None:
    plain = translate({}, 1)
    for text in ("--requeue", "--open-mode=append", "--requeue --open-mode append"):
        assert translate({"slurm_extra": text}, 1) == plain
    assert plain.requeued and plain.signal is None


def test_flags_hold_where_a_rule_says_nothing_of_it() -> None:
    usual = {"qos": "usual", "reservation": "class", "no-requeue": True}
    options = dict(translate({}, 1, usual).options)
    assert options.items() >= usual.items()
    for own in ({"qos": "own"}, {"slurm_extra": "-q own"}):
        options = dict(translate(own, 1, usual).options)
        assert (options["qos"], options["reservation"]) == ("own", "class")
    for own in ({"slurm_extra": "--requeue"}, {"slurm_requeue": True}, {"slurm_requeue": "1"}):
        assert translate(own, 1, usual).requeued
    assert not translate({"slurm_requeue": "False"}, 1).requeued


def test_without_flags_a_request_is_the_one_that_it_was() -> None:
    """Its digest decides whether a job that waits in the queue is still the one that is wanted."""
    digest = translate({"runtime": 10, "slurm_extra": "--requeue -x gr001"}, 2).digest
    assert digest == translate({"runtime": 10, "slurm_extra": "-x gr001"}, 2, {}).digest
    assert digest == "caf514c3c91f3a3fcc0f"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("USR1@120", (10, 120)), ("SIGINT", (2, 60)), ("R:12@5", (12, 5)), ("usr2@300", (12, 300))],
)
def test_a_signal_before_the_limit_is_read_as_sbatch_reads_it(
    text: str, expected: tuple[int, int]
) -> None:
    request = translate({"slurm_extra": f"--signal={text}"}, 1)
    assert request.signal == expected
    assert not translate({"slurm_extra": "--no-requeue"}, 1).requeued


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"slurm_extra": "--requeue --no-requeue"}, "keep one"),
        ({"slurm_extra": "--requeue", "slurm_requeue": False}, "slurm_requeue=False: keep one"),
        ({"slurm_requeue": "often"}, "expected True or False"),
        ({"slurm_extra": "--signal=B:USR1@60"}, "leave B: out"),
        ({"slurm_extra": "--signal=TERM@60"}, "--submitit-notice SECONDS"),
        ({"slurm_extra": "--signal=KILL"}, "no process can hear it"),
        ({"slurm_extra": "--signal=WAVE@60"}, "no signal WAVE"),
        ({"slurm_extra": "--signal"}, "a form such as USR1@120"),
        ({"slurm_extra": "--open-mode=truncate"}, "leave it out"),
        ({"slurm_extra": "--reservation=a", "reservation": "b"}, "reservation=b: keep one"),
        ({"slurm_extra": "--ntasks-per-node=3", "tasks_per_node": 2}, "tasks_per_node=2: keep one"),
        ({"slurm_extra": "--ntasks-per-node=two"}, "whole number"),
        ({"slurm_extra": "-W"}, "Snakemake waits"),
        ({"gpu": 1, "gres": "gpu:1"}, "both ask for GPUs"),
        ({"gpu": 1, "slurm_extra": "--gpus-per-node=2"}, "both ask for GPUs"),
        ({"gres": "gpu:1", "slurm_extra": "--gpus-per-task 1"}, "both ask for GPUs"),
        ({"gpu_model": "v100", "slurm_extra": "--gpus-per-socket=1"}, "both ask for GPUs"),
        ({"mem_mb": 100, "slurm_extra": "--mem-per-gpu=9G"}, "mem_mb, both .* mem_mb=0"),
        ({"mem_mb_per_cpu": 100, "slurm_extra": "--mem-per-gpu=9G"}, "mem_mb_per_cpu, both"),
        ({"gpu_model": "-v100"}, "expected a type"),
        ({"gpu": 0, "gpu_model": "v100"}, "gpu=0"),
        ({"gpu_model": "v 100"}, "expected a type"),
        ({"tasks": 1, "nodes": 2}, "fewer nodes"),
        ({"tasks": 5, "nodes": 2, "tasks_per_node": 2}, "is 4"),
        ({"cpus_per_task": 2}, "threads=8"),
        ({"cpus_per_task": 8, "cpus_per_gpu": 4}, "keep one"),
        ({"runtime": "2h"}, "expected minutes"),
        ({"runtime": 0}, "more than 0"),
        ({"nodes": "two"}, "whole number"),
        ({"slurm_extra": "--account=x", "slurm_account": "y"}, "slurm_account=y: keep one"),
        ({"slurm_extra": "--gres=gpu:1", "gpu": 1}, "both ask for GPUs"),
        ({"slurm_extra": "--mem 4G"}, "mem_mb"),
        ({"slurm_extra": "-t 10"}, "runtime"),
        ({"slurm_extra": "exclusive"}, "no option"),
        ({"cluster": "north", "clusters": "south"}, "they mean the same, keep one"),
        ({"cluster": "north", "slurm_extra": "--clusters=south"}, "clusters=north: keep one"),
        ({"mpi": "srun"}, "mpi=srun starts several tasks, and the job has one: set tasks"),
        ({"mpi": "srun", "tasks": 1}, "set tasks or tasks_per_node"),
        ({"tasks_per_gpu": 2}, "no number of GPUs: set gpu or gres"),
        ({"tasks_per_gpu": 2, "gpu": 2, "tasks": 3}, "gpu=2 times tasks_per_gpu=2 is 4"),
        ({"tasks_per_gpu": 2, "gpu": 2, "tasks_per_node": 4}, "both set: keep one"),
        ({"tasks_per_gpu": "two", "gpu": 2}, "whole number"),
        ({"tasks_per_gpu": 1, "slurm_extra": "--gpus-per-socket=1"}, "tasks_per_gpu: keep one"),
    ],
)
def test_contradictions_are_refused_with_the_reason(given: dict[str, object], words: str) -> None:
    with pytest.raises(ContradictionError, match=words):
        translate(given, 8)


def test_gpus_that_only_slurm_extra_asks_for_are_known() -> None:
    assert translate({"slurm_extra": "--gpus-per-node=2"}, 1).gpus
    assert not translate({"slurm_extra": "--exclusive"}, 1).gpus


@pytest.mark.parametrize(
    ("seen", "status"),
    [
        (Seen("PENDING", "Priority"), JobStatus.ALIVE),
        (Seen("PENDING", "JobHeldUser"), JobStatus.STUCK),
        (Seen("REQUEUE_HOLD"), JobStatus.STUCK),
        (Seen("SUSPENDED"), JobStatus.STUCK),
        (Seen("CONFIGURING"), JobStatus.ALIVE),
        (Seen("REQUEUED"), JobStatus.ALIVE),
        (Seen("CANCELLED by 1000"), JobStatus.FAILED),
        (Seen("CANCELLED+"), JobStatus.FAILED),
        (Seen("OUT_OF_MEMORY"), JobStatus.FAILED),
        (Seen("NODE_FAIL"), JobStatus.LOST),
        (Seen("PREEMPTED"), JobStatus.LOST),
        (Seen("BOOT_FAIL"), JobStatus.LOST),
        (Seen("A_STATE_OF_THE_FUTURE"), JobStatus.ALIVE),
    ],
)
def test_every_state_has_a_status(seen: Seen, status: JobStatus) -> None:
    assert states.status_of(seen) is status


def test_the_reason_names_who_cancelled() -> None:
    assert states.reason(Seen("CANCELLED by 1000")) == "cancelled by user 1000"
    assert all(
        states.reason(Seen(state)) for state in STATUSES if STATUSES[state] is JobStatus.FAILED
    )


@pytest.mark.parametrize("module", [job_names, slurm_extra, queries])
def test_the_examples_in_docstrings_hold(module: object) -> None:
    found = doctest.testmod(module)  # type: ignore[arg-type]
    assert found.attempted and not found.failed

"""Only what stands in a rule as a value can contradict anything before its job is ready."""

from types import SimpleNamespace
from typing import Any

import pytest
from snakemake.resources import Resource, Resources

from snakemake_executor_plugin_submitit.resources import conflicts
from snakemake_executor_plugin_submitit.resources.contradiction import ContradictionError


def never(wildcards: object) -> int:
    raise AssertionError("asked before Snakemake asked")


def rule(*expressions: str, threads: Any = 1, **values: Any) -> SimpleNamespace:
    """What the check sees of a rule: its values, functions, and expressions of the command line."""
    resources = Resources.from_mapping({"_cores": threads, **values})
    if expressions:
        resources.update(Resources.parse(list(expressions), allow_expressions=True))
    return SimpleNamespace(resources=resources)


def workflow(cores: int | None = None) -> SimpleNamespace:
    limits = {} if cores is None else {"_cores": Resource("_cores", cores)}
    return SimpleNamespace(
        resource_settings=SimpleNamespace(max_threads=None), global_resources=limits
    )


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (rule(gpu=1, gres="gpu:1"), "both ask for GPUs"),
        (rule(gpu=1, gres="gpu:1", mem_mb=never, nodes=never), "both ask for GPUs"),
        (rule("gpu=1", "gres=gpu:1"), "both ask for GPUs"),
        (rule(cpus_per_task=2, threads=4, gpu=never), "do not fit"),
        (rule(mpi="srun", tasks=1, gpu=never), "several tasks"),
        (rule(slurm_extra="--time=10", gpu=never), "runtime"),
    ],
)
def test_values_that_contradict_each_other_are_told(found: Any, words: str) -> None:
    with pytest.raises(ContradictionError, match=words):
        conflicts.check(found, workflow())


@pytest.mark.parametrize(
    "found",
    [
        rule(gpu=never, gres="gpu:1"),
        rule(tasks=4, nodes=never, tasks_per_node=2),
        rule(tasks=never, mpi="srun"),
        rule(tasks_per_gpu=2, gpu=never, mpi="srun"),
        rule(cpus_per_task=2, threads=never),
        rule(cpus_per_task=never, threads=4),
        rule("gpu=len(input)", gres="gpu:1"),
        rule(mem_mb=never, slurm_extra="--mem-per-gpu=9G"),
        rule("mem_mib=953.67"),
    ],
)
def test_a_function_is_not_asked_and_nothing_is_made_of_the_rest(found: Any) -> None:
    conflicts.check(found, workflow())


def test_threads_are_counted_as_far_as_snakemake_lets_them() -> None:
    conflicts.check(rule(cpus_per_task=2, threads=4), workflow(cores=2))


def test_what_every_job_asks_for_is_known_where_no_function_decides() -> None:
    request = conflicts.check(rule("tmpdir=system_tmpdir", gpu=2, disk_mb=never), workflow())
    assert request is not None and dict(request.options)["gres"] == "gpu:2"
    assert conflicts.check(rule(gpu=2, mem_mb=never), workflow()) is None

"""A file of partitions of the slurm plugin is read unchanged; what is wrong in a file is named."""

import doctest
from math import inf
from pathlib import Path

import pytest
from snakemake_interface_common.exceptions import WorkflowError

from snakemake_executor_plugin_submitit.partitions import (
    demand,
    durations,
    features,
    partition_file,
)

# Every key of snakemake-executor-plugin-slurm 2.8.
EVERY_KEY = """
partitions:
  all:
    max_runtime: 2d12h30m
    max_mem_mb: 64000
    max_mem_mb_per_cpu: 4000
    max_cpus_per_task: 24
    max_nodes: 2
    max_tasks: 96
    max_tasks_per_node: 48
    max_threads: 48
    max_gpu: 8
    available_gpu_models: [a100, v100]
    max_cpus_per_gpu: 8
    supports_mpi: false
    max_mpi_tasks: 64
    available_constraints: ["ib", "rome"]
    cluster: "north,south"
  nothing:
  2026:
    slurm_cluster: west
    available_gpu_models: []
"""


def write(folder: Path, text: str) -> Path:
    """A file of partitions."""
    path = folder / "partitions.yaml"
    path.write_text(text)
    return path


def test_every_key_of_the_slurm_plugin_is_read(tmp_path: Path) -> None:
    all_, nothing, number = partition_file.read(write(tmp_path, EVERY_KEY))
    assert (all_.max_runtime, all_.max_mem_mb, all_.max_gpu) == (2 * 1440 + 12 * 60 + 30, 64000, 8)
    assert all_.available_gpu_models == ("a100", "v100") and all_.clusters == ("north", "south")
    assert not all_.supports_mpi and all_.available_constraints == ("ib", "rome")
    assert nothing.max_runtime == inf and nothing.max_gpu == 0 and nothing.supports_mpi
    assert number.name == "2026" and number.clusters == ("west",)
    assert number.available_gpu_models is None, "an empty list is no limit there"


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("120", 120), ("120.5", 120.5), ("6d", 8640), ("90s", 1.5), ("2d12h30m", 3630),
        ("'60:30'", 3630), ("'1:30:45'", 90.75), ("2-12", 3600), ("'2-12:30'", 3630),
        ("'2-12:30:45'", 3630.75), ("unlimited", inf),
        ("60:30", 3630), ("12:00:00", 720), ("2-12:00:00", 3600),
    ],
)  # fmt: skip
def test_times_are_read_as_the_slurm_plugin_reads_them(
    tmp_path: Path, text: str, minutes: float
) -> None:
    """Without quotes, too: YAML 1.1 takes 12:00:00 for a number in base 60, 43,200."""
    found = partition_file.read(write(tmp_path, f"partitions: {{a: {{max_runtime: {text}}}}}"))
    assert found[0].max_runtime == minutes


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("partitions: {a: {max_runtimes: 5}}",
         "partitions.a.max_runtimes: unknown key. Did you mean 'max_runtime'"),
        ("partitions: {a: {max_gpus: 5}}", "Did you mean 'max_gpu'"),
        ("partitions: {a: {xyz: 5}}", "partitions.a.xyz: unknown key. Expected one of max_runtime"),
        ("partitions: {a: {max_mem_mb: 64G}}", "partitions.a.max_mem_mb: '64G': expected a number"),
        ("partitions: {a: {max_nodes: -1}}", "partitions.a.max_nodes: -1: expected 0 or more"),
        ("partitions: {a: {max_nodes: true}}", "partitions.a.max_nodes"),
        ("partitions: {a: {max_runtime: soon}}",
         "partitions.a.max_runtime: 'soon': expected a time such as"),
        ("partitions: {a: {supports_mpi: maybe}}", "expected true or false"),
        ("partitions: {a: {available_gpu_models: 5}}", "expected a list of names"),
        ("partitions: {a: 5}", "partitions.a: expected limits such as max_runtime, found 5"),
        ("partitions: {'a,b': {}}", "partitions.a,b: expected the name of one partition"),
        ("partitions: {a: {cluster: x, clusters: y}}", "they mean the same, keep one"),
        ("partitions: {}", "none is named"),
        ("partitions: [a]", "expected a key 'partitions'"),
        ("a: {max_runtime: 5}", "expected a key 'partitions'"),
        ("partitions: {a: {}}\nmax_runtime: 5", "max_runtime: unknown key; partitions go below"),
        ("partitions: {a", "no valid YAML"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_file_and_key(tmp_path: Path, text: str, words: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(WorkflowError) as error:
        partition_file.read(path)
    assert str(error.value).startswith(f"{path}: ") and words in str(error.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(WorkflowError, match=r"none.yaml: .* cannot be read: No such file"):
        partition_file.read(tmp_path / "none.yaml")


@pytest.mark.parametrize("module", [demand, durations, features])
def test_the_examples_in_docstrings_hold(module: object) -> None:
    found = doctest.testmod(module)  # type: ignore[arg-type]
    assert found.attempted and not found.failed

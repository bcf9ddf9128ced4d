"""A job without a partition gets those that fit it best, and hears why; one that names any keeps it."""

from pathlib import Path

import pytest

from snakemake_executor_plugin_submitit.partitions.__main__ import main as partitions_main
from snakemake_executor_plugin_submitit.partitions.choice import Choice, NoPartitionError
from snakemake_executor_plugin_submitit.resources.sbatch_options import translate
from tests.executor.workflow import stand_in

SITE = """
partitions:
  short: {max_runtime: 2h, max_mem_mb: 64000, max_threads: 24, max_nodes: 1}
  spare: {max_runtime: 2h, max_mem_mb: 64000, max_threads: 24, max_nodes: 1}
  long: {max_runtime: 7d, max_mem_mb: 64000, max_threads: 24, max_nodes: 1, supports_mpi: false}
  wide: {max_runtime: 7d, max_threads: 48, max_nodes: 16, max_mpi_tasks: 512}
  gpu:
    {max_runtime: 2d, max_threads: 32, max_nodes: 2, max_gpu: 4, max_cpus_per_gpu: 8,
     available_gpu_models: [v100], available_constraints: [rome]}
  big: {max_runtime: 2d, max_threads: 64, max_nodes: 2, max_gpu: 8, available_constraints: [nvlink, rome]}
  far: {cluster: north, max_runtime: 7d, max_gpu: 1}
"""

# What SLURM 22.05 says, shortened to two partitions; b is open to account bio alone.
SCONTROL = """\
echo scontrol >> "$ASKED"
echo 'PartitionName=a AllowAccounts=ALL AllowQos=ALL Default=YES MaxNodes=UNLIMITED MaxTime=01:00:00 \
MinNodes=0 MaxCPUsPerNode=UNLIMITED PriorityTier=1 RootOnly=NO ReqResv=NO State=UP MaxMemPerNode=UNLIMITED'
echo 'PartitionName=b AllowAccounts=bio AllowQos=ALL Default=NO MaxNodes=2 MaxTime=7-00:00:00 MinNodes=0 \
MaxCPUsPerNode=UNLIMITED PriorityTier=1 RootOnly=NO ReqResv=NO State=UP MaxMemPerNode=8000'
echo 'PartitionName=c AllowAccounts=ALL AllowQos=ALL Default=NO MaxTime=UNLIMITED State=DRAIN'"""
SINFO = """\
echo 'a|8|16000|(null)|rome|4'
echo 'b|16|64000|gpu:v100:2(S:0-1)|(null)|3'
echo 'c|8|1|(null)|x|1'"""


class Site:
    """A choice by a file, and what it tells."""

    def __init__(self, folder: Path, text: str = SITE) -> None:
        self.path = folder / "partitions.yaml"
        self.path.write_text(text)
        self.logged: list[str] = []
        self.choice = Choice(str(self.path), self.logged.append)

    def partition(self, given: dict[str, object]) -> str:
        """Where a job with these resources goes."""
        request = translate(given, 1)
        chosen = self.choice.by_file("job", dict(request.options), request.mpi)
        return str(chosen.get("partition", ""))


@pytest.fixture(autouse=True)
def _nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SBATCH_PARTITION", "SBATCH_ACCOUNT", "SBATCH_CLUSTERS", "SLURM_CLUSTERS",
                 "SNAKEMAKE_SLURM_PARTITIONS"):  # fmt: skip
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("given", "partition"),
    [
        ({"runtime": 60}, "short,spare"),
        ({"runtime": 600}, "long"),
        ({"runtime": 600, "nodes": 2}, "wide"),
        ({"runtime": 60, "gpu": 1}, "gpu"),
        ({"gres": "gpu:v100:2", "runtime": 60}, "gpu"),
        ({"gpu": 6}, "big"),
        ({"gpu": 1, "constraint": "nvlink&rome"}, "big"),
        ({"gpu": 1, "constraint": "nvlink|rome"}, "gpu"),
        ({"gpu": 1, "cpus_per_gpu": 16}, "big"),
        ({"slurm_extra": "--gpus-per-node=8", "runtime": 5}, "big"),
        ({"mem_mb": 100000, "runtime": 60}, "wide"),
        ({"cpus_per_task": 40}, "wide"),
        ({"mem_mb_per_cpu": 4000, "cpus_per_task": 20, "runtime": 60}, "wide"),
        ({"mpi": "srun", "tasks": 100, "runtime": 60}, "wide"),
        ({"cluster": "north", "runtime": 60}, "far"),
        ({"slurm_partition": "elsewhere", "runtime": 10**6}, "elsewhere"),
        ({"slurm_extra": "-p elsewhere"}, "elsewhere"),
        ({"slurm_extra": "--nodelist=gr001"}, ""),
    ],
)  # fmt: skip
def test_the_best_fitting_partition_is_chosen(
    tmp_path: Path, given: dict[str, object], partition: str
) -> None:
    found = Site(tmp_path).partition(given)
    assert sorted(found.split(",")) == sorted(partition.split(","))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"runtime": 20000},
         ["short: max_runtime is 120 min, asked for 20000", "wide: max_runtime is 10080"]),
        ({"gpu": 9},
         ["short: no GPUs, asked for 9", "gpu: max_gpu is 4, asked for 9", "big: max_gpu is 8"]),
        ({"gpu": 6, "gpu_model": "h200", "constraint": "milan"},
         ["gpu: max_gpu is 4", "big: features are nvlink, rome, asked for constraint milan"]),
        ({"gpu": 2, "cpus_per_gpu": 40},
         ["gpu: max_threads is 32 a node, asked for 80", "big: max_threads is 64"]),
        ({"mpi": "srun", "tasks": 600, "runtime": 600},
         ["long: supports_mpi is false", "wide: max_mpi_tasks is 512, asked for 600"]),
        ({"nodes": 32, "tasks_per_node": 1},
         ["short: max_nodes is 1, asked for 32", "wide: max_nodes is 16"]),
        ({"clusters": "south"},
         ["short: is of no cluster, asked for south", "far: is on cluster north, asked for south"]),
    ],
)  # fmt: skip
def test_where_none_fits_the_limits_that_forbid_it_are_told(
    tmp_path: Path, given: dict[str, object], words: list[str]
) -> None:
    site = Site(tmp_path)
    with pytest.raises(NoPartitionError) as error:
        site.partition(given)
    assert all(word in str(error.value) for word in words), error.value
    assert f"correct {site.path}, or name a partition: slurm_partition" in str(error.value)


def test_the_reason_is_told_once_for_each_kind_of_request(tmp_path: Path) -> None:
    site = Site(tmp_path)
    for _ in range(3):
        site.partition({"runtime": 60})
        site.partition({"runtime": 600})
    assert len(site.logged) == 2
    assert site.logged[0].startswith("Jobs such as job go to partition short,spare (")
    assert "gpu: has GPUs" in site.logged[0] and "far: is on cluster north" in site.logged[0]
    assert "short: max_runtime is 120 min, asked for 600" in site.logged[1]


def test_jobs_without_gpus_go_to_gpus_only_where_nothing_else_takes_them(tmp_path: Path) -> None:
    both = "partitions: {cpu: {max_runtime: 60d}, gpu: {max_runtime: 1h, max_gpu: 4}}"
    assert Site(tmp_path, both).partition({"runtime": 60}) == "cpu"
    assert Site(tmp_path, "partitions: {gpu: {max_gpu: 4}}").partition({"runtime": 60}) == "gpu"


def test_the_variable_of_the_slurm_plugin_names_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = Site(tmp_path).path
    monkeypatch.setenv("SNAKEMAKE_SLURM_PARTITIONS", str(path))
    assert Choice("", print).path == path
    assert Choice("none", print).path is None and not Choice("none", print).auto


def test_a_partition_that_the_user_set_for_sbatch_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SBATCH_PARTITION", "mine")
    assert Site(tmp_path).partition({"runtime": 60}) == "", "sbatch reads the variable itself"


def test_slurm_itself_is_asked_once_and_says_what_its_partitions_allow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASKED", str(tmp_path / "asked"))
    for name, script in (("scontrol", SCONTROL), ("sinfo", SINFO), ("sacctmgr", "echo physics")):
        stand_in(tmp_path, name, script, monkeypatch)
    told: list[str] = []
    choice = Choice("auto", told.append)

    def chosen(**given: object) -> str:
        return str(choice.by_slurm("job", dict(translate(given, 1).options)).get("partition"))

    assert chosen(runtime=30) == chosen() == "a"
    assert chosen(runtime=600, slurm_account="bio") == "b"
    assert chosen(gpu=2, slurm_account="bio") == "b"
    assert chosen(constraint="rome") == "a" and chosen(nodes=4) == "a"
    for given, words in (
        ({"runtime": 600},
         "b: accounts are bio, asked for physics; c: its state is DRAIN"),
        ({"nodes": 5},
         "a: has 4 nodes with 8 CPUs, 16000 MB, no GPUs, features rome, asked for 1 CPU on each of 5"),
        ({"nodes": 3, "slurm_account": "bio", "gpu": 3}, "b: max_nodes is 2, asked for 3"),
        ({"gpu": 3, "slurm_account": "bio"},
         "b: has 3 nodes with 16 CPUs, 64000 MB, 2 v100 GPUs, asked for 1 CPU, 3 GPUs"),
        ({"mem_mb": 9000, "runtime": 99, "slurm_account": "bio"},
         "b: max_mem_mb is 8000 MB a node, asked for 9000"),
        ({"gpu_model": "h200", "slurm_account": "bio"}, "b: GPUs are v100, asked for h200"),
    ):  # fmt: skip
        with pytest.raises(NoPartitionError) as error:
            chosen(**given)
        assert words in str(error.value), error.value
    assert (tmp_path / "asked").read_text().splitlines() == ["scontrol"]
    assert told[0].startswith("Jobs such as job go to partition a (")


def test_a_file_to_begin_with_is_printed_from_what_slurm_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ASKED", str(tmp_path / "asked"))
    for name, script in (("scontrol", SCONTROL), ("sinfo", SINFO)):
        stand_in(tmp_path, name, script, monkeypatch)
    monkeypatch.setattr("sys.argv", ["partitions"])
    assert partitions_main() == 0
    said = capsys.readouterr()
    assert "left out: c: its state is DRAIN" in said.err
    assert Site(tmp_path, said.out).partition({"runtime": 60}) == "a"
    assert Site(tmp_path, said.out).partition({"runtime": 60, "gpu_model": "v100"}) == "b"
    stand_in(tmp_path, "scontrol", "exit 1", monkeypatch)
    assert partitions_main() == 1


@pytest.mark.parametrize(
    "script", ["exit 1", "echo 'No partitions in the system'", "echo Unable to contact >&2; exit 1"]
)
def test_a_slurm_that_does_not_answer_costs_nothing_but_the_choice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    monkeypatch.setenv("ASKED", str(tmp_path / "asked"))
    stand_in(tmp_path, "scontrol", f'echo asked >> "$ASKED"; {script}', monkeypatch)
    told: list[str] = []
    choice = Choice("auto", told.append)
    options = dict(translate({"runtime": 60}, 1).options)
    assert choice.by_slurm("job", options) == choice.by_slurm("job", options) == options
    assert len(told) == 1 and "it chooses itself: scontrol:" in told[0]
    assert (tmp_path / "asked").read_text() == "asked\n", "it is not asked for every job"
    refused = Choice("none", told.append)
    assert refused.advice(options) == refused.advice(options) == ""
    assert (tmp_path / "asked").read_text() == "asked\n" * 2, "nor for every job that is refused"


def test_a_job_that_slurm_refused_hears_which_partition_allows_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASKED", str(tmp_path / "asked"))
    for name, script in (("scontrol", SCONTROL), ("sinfo", SINFO), ("sacctmgr", "echo bio")):
        stand_in(tmp_path, name, script, monkeypatch)
    choice = Choice("", print)
    gpu = dict(translate({"gpu": 1}, 1).options)
    assert choice.by_slurm("job", gpu) == gpu, "nothing is chosen without being asked for"
    assert choice.advice(gpu).startswith(
        "SLURM's default partition a: no GPUs, asked for 1. Partition b allows it: set slurm_partition"
    )
    assert choice.advice(dict(translate({"runtime": 5}, 1).options)) == "", "the default takes it"
    assert choice.advice(dict(translate({"gpu": 9}, 1).options)) == ""

"""The test cluster itself: real partitions and GPUs, and no harm to another SLURM beside it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cluster.cluster import SlurmCluster

pytestmark = [pytest.mark.cluster, pytest.mark.slow]


def test_it_has_four_nodes_gpus_accounting_and_preemption(slurm: SlurmCluster) -> None:
    nodes = slurm.run("sinfo", "-h", "-N", "-p", "main", "-o", "%N %G %T").splitlines()
    assert [line.split() for line in nodes] == [
        ["gr001", "gpu:rtx8000:4", "idle"],
        ["gr002", "gpu:rtx8000:4", "idle"],
        ["gr003", "gpu:v100:4", "idle"],
        ["gr004", "gpu:v100:4", "idle"],
    ]
    configuration = slurm.run("scontrol", "show", "config")
    assert "preempt/partition_prio" in configuration
    assert "accounting_storage/slurmdbd" in configuration


def test_people_can_start_and_end_one_beside_it(slurm: SlurmCluster, tmp_path: Path) -> None:
    def command(name: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "tests.cluster", name],
            cwd=Path(__file__).parents[2],
            env=os.environ | {"BAKEOFF_CLUSTER": str(tmp_path / "c")},
            capture_output=True,
            text=True,
            check=False,
        )

    before = slurm.states()
    up = command("up")
    assert up.returncode == 0, up.stderr
    assert f"export SLURM_CONF={tmp_path}/c/slurm.conf" in up.stdout
    other = SlurmCluster.find(tmp_path / "c")
    assert other is not None
    assert other.run("sbatch", "--wrap=sleep 100", "--output=/dev/null")
    assert command("status").returncode == 0
    assert slurm.run("squeue", "-h") == "", "its jobs are not ours"
    assert command("down").returncode == 0
    assert not (tmp_path / "c").exists()
    assert not any(other.states().values())
    assert slurm.states() == before
    assert command("status").returncode == 1

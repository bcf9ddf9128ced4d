"""What a job uses of its machine: its own share, not its neighbours'."""

import os
import subprocess
from pathlib import Path

import pytest

from bakeoff.tracking.delivery.system_metrics import Monitor

# Three GPUs; the utilization of each is ten times its index.
NVIDIA_SMI = """#!/bin/sh
ids=0,1,2
for argument; do case "$argument" in --id=*) ids="${argument#--id=}" ;; esac; done
for id in $(echo "$ids" | tr , " "); do echo "${id}0, 1024, [N/A]"; done
"""


@pytest.mark.parametrize(
    ("visible", "utilization"),
    [(None, [0, 10, 20]), ("2", [20]), ("1,2", [10, 20]), ("", [])],
)
def test_the_gpus_of_other_jobs_are_left_out(
    visible: str | None, utilization: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text(NVIDIA_SMI)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    own = {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    command = ["sh", "-c", "echo begun; read end"]
    with subprocess.Popen(command, env={**os.environ, **own}, **pipes) as trainer:
        assert trainer.stdout is not None
        trainer.stdout.readline()  # before that it may not have its environment yet
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")  # the sender needs none
        sample = Monitor(trainer.pid).sample()
        trainer.kill()
    found = {key: value for key, value in sample.items() if "gpu" in key}
    for index, value in enumerate(utilization):
        assert found.pop(f"system/gpu_{index}_utilization_percentage") == value
        assert found.pop(f"system/gpu_{index}_memory_usage_megabytes") == 1024
    assert found == {}

"""The provenance of a run: versions, machine, job."""

import os
import platform
import shlex
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch

PACKAGES = ("bakeoff", "torch", "torchvision", "timm", "numpy", "pandas", "scikit-learn")


def provenance(device: torch.device) -> dict[str, Any]:
    """The environment of a run for run.json, as plain JSON values."""
    return {
        "versions": {name: found for name in PACKAGES if (found := _version(name))},
        "python": platform.python_version(),
        "host": platform.node(),
        "slurm_job_id": os.environ.get("SLURM_JOB_ID"),
        "slurm_node": os.environ.get("SLURMD_NODENAME"),
        "device": str(device),
        "gpu": torch.cuda.get_device_name(device) if device.type == "cuda" else None,
        "command": shlex.join(["bakeoff", *sys.argv[1:]]),
    }


@cache  # of a process that trains several runs
def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None

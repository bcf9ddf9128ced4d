"""Where a run comes from: code, versions, machine, job."""

import os
import platform
import re
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch

from bakeoff.commands import ask

PACKAGES = ("bakeoff", "torch", "torchvision", "timm", "numpy", "pandas", "scikit-learn")


def provenance(device: torch.device) -> dict[str, Any]:
    """What run.json says of the place and the code, as plain JSON values."""
    commit, dirty = _git()
    return {
        "git_commit": commit,
        "git_dirty": dirty,
        "versions": {name: found for name in PACKAGES if (found := _version(name))},
        "python": platform.python_version(),
        "host": platform.node(),
        "slurm_job_id": os.environ.get("SLURM_JOB_ID"),
        "slurm_node": os.environ.get("SLURMD_NODENAME"),
        "device": str(device),
        "gpu": torch.cuda.get_device_name(device) if device.type == "cuda" else None,
        "command": " ".join(["bakeoff", *sys.argv[1:]]),
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _git() -> tuple[str | None, bool | None]:
    """The commit of the working directory's checkout, and whether tracked files differ from it."""
    commit = ask("git", "rev-parse", "HEAD").text.strip()
    if not re.fullmatch(r"[0-9a-f]{40,64}", commit):
        return None, None
    changed = ask("git", "status", "--porcelain", "--untracked-files=no")
    return commit, bool(changed.text.strip()) if changed.ok else None

"""The jobs that trained a run, and what each of them trained on: another kind of device makes other bits."""

import logging
import os
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from bakeoff.errors import CheckpointError
from bakeoff.training.checkpoint import Progress

log = logging.getLogger(__name__)


def kind_of(device: torch.device) -> str:
    """`cpu`, or the GPU's model: on the same kind of device a step gives the same bits."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else str(device.type)


def attempt(progress: Progress, kind: str, numerics: Mapping[str, Any]) -> dict[str, Any]:
    """The job of this process as run.json says it: when it began, where, on what, how, at which step."""
    return {
        "began": datetime.now(UTC).isoformat(timespec="seconds"),
        "host": platform.node(),
        "slurm_job_id": os.environ.get("SLURM_JOB_ID"),
        "device": kind,
        "numerics": dict(numerics),
        "epoch": progress.epoch,
        "step": progress.step,
    }


def is_elsewhere(progress: Progress, kind: str) -> bool:
    """Whether a run was trained on another kind of device so far; no, where that was not written down."""
    return progress.device not in ("", kind)


def allow_elsewhere(progress: Progress, kind: str, file: Path, anywhere: bool) -> None:
    """Go on from `file`, made on another kind of device, if `anywhere` is; raises CheckpointError if not."""
    then, now = _said(progress.device), _said(kind)
    if anywhere:
        log.warning("%s was made on %s and goes on on %s: the bits are others.", file, then, now)
        return
    raise CheckpointError(
        f"{file}: was trained on {then} up to epoch {progress.epoch}, step {progress.step}, and this job has "
        f"{now}, where a step gives other bits. {_way_back(progress)}; or allow it by "
        "training.resume_anywhere: true, which run.json and the report then say; or start again with --fresh."
    )


def _way_back(progress: Progress) -> str:
    if progress.device == "cpu":
        return "Ask for the CPU again (training.device: cpu)"
    return "Ask for such a GPU again (resources.gpu_model, as your cluster calls it)"


def _said(kind: str) -> str:
    return "the CPU" if kind == "cpu" else f"a GPU {kind}"

"""Images that stay on the device: one budget for all splits of a run, with room for a measured step.

A step takes its batch from there instead of from a file. What a step itself needs is on a GPU the peak of a
real one, with its optimizer's state, of the run's own model and batch; on the CPU, where such a trial would
cost what it measures, half of what is free is left.
"""

import logging
from collections.abc import Callable, Mapping
from typing import TypeVar

import torch

from bakeoff.training.available_memory import free_bytes
from bakeoff.training.images import SplitImages

log = logging.getLogger(__name__)

SHARE_OF_CPU = 0.5
"""Of the memory that is free, what the images of a run on the CPU may take."""

SPARE = 1.25
"""Times what a step was seen to need: an allocator's memory is in pieces, and a batch may differ."""

FIXED = 2**28
"""Bytes for what libraries allocate beside torch, such as NCCL's buffers."""

Name = TypeVar("Name", bound=str)


def settle(
    images: Mapping[Name, SplitImages], device: torch.device, step_bytes: Callable[[], int]
) -> dict[Name, SplitImages]:
    """The splits, each of them on the device where it fits beside those before it.

    `step_bytes` measures what a step needs, on a GPU and before any image is there; not on the CPU.
    """
    if all(split.resident_bytes for split in images.values()):  # another run of the process did it
        return dict(images)
    left = _room(device, step_bytes)
    settled = {}
    for name, split in images.items():
        if split.resident_bytes:
            settled[name] = split
            continue
        fits = split.packed_bytes <= left
        left -= split.packed_bytes if fits else 0
        settled[name] = split.resident() if fits else split
        if not fits:
            log.info(
                "The %d images of %s are read from their file, batch by batch: they are %s, and beside a "
                "step %s has room for %s.",
                *(len(split), name, in_gigabytes(split.packed_bytes), device, in_gigabytes(left)),
            )
    return settled


def in_gigabytes(count: int) -> str:
    """A number of bytes as people read it."""
    return f"{count / 1e9:.2f} GB"


def _room(device: torch.device, step_bytes: Callable[[], int]) -> int:
    """Bytes of `device` that images may take."""
    if device.type != "cuda":
        return int(SHARE_OF_CPU * free_bytes(device))
    needed = step_bytes()
    return max(0, free_bytes(device) - int(SPARE * needed) - FIXED)

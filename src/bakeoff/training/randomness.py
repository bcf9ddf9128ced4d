"""Every random draw is a function of (seed, what for, epoch, step), never of what was drawn before.

That is why a run that was killed anywhere and resumed draws the same numbers as one that was not,
without any generator state in the checkpoint.
"""

import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.utils.deterministic as fill
from torch import Tensor

from bakeoff.errors import TrainingError

REFUSED = re.compile(r"(\w+) does not have a deterministic implementation")
"""How torch's error begins where an operator has only a form that depends on chance, most of them on GPUs."""


def derive(*parts: int | str) -> int:
    """A 63-bit seed from its parts, the same on every machine and in every Python."""
    text = "/".join(map(str, parts))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest()) >> 1


def generator(*parts: int | str) -> torch.Generator:
    """A CPU generator seeded from its parts."""
    return torch.Generator().manual_seed(derive(*parts))


def seed_generators(seed: int, device: torch.device) -> None:
    """Seed what dropout and its like draw from on a device: torch's own generators.

    `torch.manual_seed` notes where it was called for each GPU that is not in use: a millisecond of a step.
    """
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        index = torch.cuda.current_device() if device.index is None else device.index
        torch.cuda.default_generators[index].manual_seed(seed)


def order(seed: int, epoch: int, rows: int) -> Tensor:
    """The order in which an epoch visits its rows: int64 (rows,)."""
    return torch.randperm(rows, generator=generator(seed, "order", epoch))


def make_deterministic(threads: int, *, deterministic: bool) -> None:
    """Fix the number of CPU threads and, if asked, allow only deterministic kernels.

    A sum over another number of threads is another sum, so the count belongs to the config.
    """
    torch.set_num_threads(threads)
    # cuBLAS reads this when it starts; without it deterministic matrix products are refused.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    # What use_deterministic_algorithms does, without its import of the compiler: two seconds of every job.
    torch.set_deterministic_debug_mode("error" if deterministic else "default")
    # Not NaN into all memory that torch asks for: the same bits, and a twelfth of a small network's step.
    fill.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = deterministic


@contextmanager
def refusals_explained() -> Iterator[None]:
    """Raise TrainingError, with the key to change, where torch refuses an operator without such a form."""
    try:
        yield
    except RuntimeError as error:
        if (found := REFUSED.search(str(error))) is None:
            raise
        raise TrainingError(
            f"torch has no deterministic form of {found[1]} on this device, which the model needs (padding "
            "by reflection and adaptive pooling are such on a GPU), and training.deterministic asks for one. "
            "Take another model, or set training.deterministic: false for this variant: its runs then come "
            "out a little different each time. On a CPU (training.device: cpu) most operators have one."
        ) from error

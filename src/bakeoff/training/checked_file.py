"""Tensors with JSON beside them in one safetensors file, every part of it with a checksum.

The JSON is in the header, with a CRC-32 of every tensor (its shape and type too) and of that JSON itself, so
that damage is noticed before anything is made of it. Nothing is ever unpickled.
"""

import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from bakeoff.errors import CheckpointError
from bakeoff.files import replacing

FORMAT = 2
DAMAGED = (SafetensorError, OSError, ValueError, KeyError, TypeError)
"""What reading a file raises that is damaged, missing, or not of this format."""


def write_checked(file: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, Any]) -> None:
    """Write `file`, whole or not at all, as the user's umask says who may read it.

    The tensors may be on any device. On the CPU the work is done without Python's lock: other threads go on.
    Raises CheckpointError where it cannot be written.
    """
    try:
        with replacing(file) as temporary:
            write_temporary(temporary, tensors, metadata)
    except OSError as error:
        raise _unwritten(file, error) from error


def write_temporary(file: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, Any]) -> None:
    """Write a file that its caller then renames; CheckpointError where it cannot be written."""
    cpu = _unshared(tensors)
    # Through JSON once, as a reader gets it back: its checksum is over that.
    sums = {name: checksum(value) for name, value in cpu.items()}
    stated = json.loads(json.dumps({"crc32": sums, **metadata}))
    header = {"format": FORMAT, "header_crc32": _text_crc32(stated), **stated}
    try:
        file.touch()
        # By the user's umask; safetensors makes files that only the user can read.
        mode = file.stat().st_mode
        save_file(cpu, file, metadata={"bakeoff": json.dumps(header)})
        file.chmod(mode)
    except (SafetensorError, OSError) as error:
        raise _unwritten(file, error) from error


def read_checked(file: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors and the JSON of a file; raises one of DAMAGED."""
    with safe_open(file, framework="pt") as opened:
        metadata = json.loads((opened.metadata() or {})["bakeoff"])
        tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    if metadata.pop("format") != FORMAT:
        raise ValueError("written by another version of bakeoff")
    if metadata.pop("header_crc32") != _text_crc32(metadata):
        raise ValueError("the header does not match its checksum")
    sums = metadata.pop("crc32")
    for name in sums.keys() | tensors.keys():
        if name not in tensors or sums.get(name) != checksum(tensors[name]):
            raise ValueError(f"tensor {name} does not match its checksum")
    return tensors, metadata


def checksum(tensor: Tensor) -> int:
    """The CRC-32 of a tensor's type, shape and values."""
    described = zlib.crc32(f"{tensor.dtype} {list(tensor.shape)}".encode())
    if not tensor.numel():
        return described
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    # A scalar has no bytes to view until it is a vector.
    return zlib.crc32(flat.view(torch.uint8).numpy().data, described)


def _unshared(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """On the CPU, and no two in the same memory, as those of tied weights are: safetensors refuses that."""
    found: dict[str, Tensor] = {}
    seen: set[int] = set()
    for name, value in tensors.items():
        own = value.detach().cpu().contiguous()
        memory = own.untyped_storage()
        if memory.data_ptr() in seen or memory.nbytes() != own.nbytes:
            own = own.clone()
        seen.add(own.untyped_storage().data_ptr())
        found[name] = own
    return found


def _unwritten(file: Path, error: Exception) -> CheckpointError:
    return CheckpointError(
        f"{file.parent}: a checkpoint cannot be written: {error}. Free space there or move the "
        "results, then start the run again: it goes on from the checkpoint before."
    )


def _text_crc32(header: Mapping[str, Any]) -> int:
    return zlib.crc32(json.dumps(header).encode())

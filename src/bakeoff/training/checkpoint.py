"""Checkpoints: all that a run needs to go on, in one file that is whole, checked, and never unpickled.

The format is safetensors. Tensors are named `model/<name>`, `optimizer/<parameter>/<name>` and
`epoch/<name>` (the outputs of the epoch in progress so far); the rest is JSON in the header,
with a CRC-32 of every tensor (its shape and type too) and of that JSON itself, so that damage is
noticed before anything trains on it.
"""

import json
import logging
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from bakeoff.errors import CheckpointError
from bakeoff.files import replacing
from bakeoff.models.normalisation import expected_of

log = logging.getLogger(__name__)

FORMAT = 2


@dataclass
class Progress:
    """How far a run is: the part of a checkpoint that is not tensors."""

    digest: str  # of the run's configuration: another run's checkpoint is refused
    epoch: int = 1  # the epoch in progress, 1-based
    step: int = 0  # optimizer steps done in that epoch
    started: str = ""  # when the first job began, ISO 8601
    seconds: float = 0.0  # training time so far, all jobs together
    best_epoch: int = 0
    best_value: float | None = None
    loss_sum: float = 0.0  # over the images of the epoch in progress
    history: list[dict[str, float]] = field(default_factory=list)
    finished: bool = False
    provenance: dict[str, Any] = field(default_factory=dict)  # of the job that finished it

    @property
    def begun(self) -> bool:
        """Whether any step is done, so that there is a checkpoint to go on from."""
        return self.step > 0 or bool(self.history)


@dataclass
class Checkpoint:
    """A checkpoint as read: tensors by name, on the CPU."""

    progress: Progress
    tensors: dict[str, Tensor]

    def restore(self, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        """Put weights and optimizer state back, exactly."""
        model.load_state_dict(_without_prefix("model/", self.tensors), strict=True)
        state: dict[int, dict[str, Tensor]] = {}
        for name, tensor in _without_prefix("optimizer/", self.tensors).items():
            index, _, key = name.partition("/")
            state.setdefault(int(index), {})[key] = tensor
        groups = optimizer.state_dict()["param_groups"]
        optimizer.load_state_dict({"state": state, "param_groups": groups})
        _lay_out_like_parameters(optimizer)

    @property
    def epoch_tensors(self) -> dict[str, Tensor]:
        """The outputs of the epoch in progress so far."""
        return _without_prefix("epoch/", self.tensors)


class CheckpointFolder:
    """last.ckpt, the one before it (previous.ckpt), and the best weights (best.safetensors)."""

    def __init__(self, folder: Path) -> None:
        self.last = folder / "last.ckpt"
        self.previous = folder / "previous.ckpt"
        self.best = folder / "best.safetensors"
        self._last_is_unusable = (
            False  # then `save` must not move last.ckpt over a good previous.ckpt
        )

    def save(
        self,
        progress: Progress,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        epoch_tensors: Mapping[str, Tensor],
    ) -> None:
        """Write last.ckpt; the one before becomes previous.ckpt. A kill leaves at least one whole.

        A last.ckpt that `load` found unusable is replaced instead.
        """
        tensors = {f"model/{name}": value for name, value in model.state_dict().items()}
        for index, state in optimizer.state_dict()["state"].items():
            for key, value in state.items():
                tensors[f"optimizer/{index}/{key}"] = torch.as_tensor(value)
        tensors |= {f"epoch/{name}": value for name, value in epoch_tensors.items()}
        with replacing(self.last) as temporary:
            _write(temporary, tensors, asdict(progress))
            if self.last.exists() and not self._last_is_unusable:
                self.last.replace(self.previous)
        self._last_is_unusable = False

    def load(self, digest: str) -> Checkpoint | None:
        """The newest whole checkpoint of the run `digest`; None where there is none.

        A damaged file, or one of another configuration, is skipped with a warning.
        """
        for file in (self.last, self.previous):
            if not file.exists():
                continue
            try:
                tensors, metadata = _read(file)
                progress = Progress(**metadata)
            except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
                log.warning("%s is damaged (%s): falling back to the one before it.", file, error)
                continue
            if progress.digest != digest:
                log.warning("%s is of another configuration: it is not used.", file)
                continue
            if self._has_best_of(progress):
                self._last_is_unusable = file != self.last
                return Checkpoint(progress, tensors)
            log.warning("%s is missing or damaged: %s cannot be used.", self.best, file)
        return None

    def clear(self) -> None:
        """Remove every checkpoint, for a run that starts from scratch."""
        for file in (self.last, self.previous, self.best):
            file.unlink(missing_ok=True)

    def remove_leftovers(self) -> None:
        """Remove the half-written files of a process that was killed."""
        for file in (self.last, self.best):
            for leftover in file.parent.glob(f".{file.stem}.*{file.suffix}"):
                leftover.unlink(missing_ok=True)

    def _has_best_of(self, progress: Progress) -> bool:
        """Whether best.safetensors is of the epoch in `progress`, or of a later one.

        A later epoch is about to be repeated, and ends in the same weights.
        """
        if progress.best_epoch == 0:
            return True
        try:
            _, metadata = _read(self.best)
        except (SafetensorError, OSError, ValueError, KeyError):
            return False
        epoch = int(metadata["epoch"])
        return epoch == progress.best_epoch or epoch > len(progress.history)


def save_weights(file: Path, model: nn.Module, metadata: Mapping[str, Any]) -> None:
    """Write a model's weights as safetensors, with plain metadata in the header.

    A model that started from pretrained weights also states there what it expects of its input.
    """
    expected = expected_of(model)
    stated = {"mean": expected.mean, "std": expected.spread} if expected else {}
    with replacing(file) as temporary:
        _write(temporary, model.state_dict(), {**metadata, **stated})


def load_weights(file: Path, model: nn.Module) -> dict[str, Any]:
    """Load weights into `model`, strictly, and return their metadata.

    Raises CheckpointError naming the file when it is missing, damaged, or another model's.
    """
    try:
        tensors, metadata = _read(file)
        model.load_state_dict(tensors, strict=True)
    except (SafetensorError, OSError, ValueError, KeyError, RuntimeError) as error:
        raise CheckpointError(
            f"{file}: cannot be loaded as the weights of this model: {error}. "
            "Delete the run's folder to train it again."
        ) from error
    return metadata


def _lay_out_like_parameters(optimizer: torch.optim.Optimizer) -> None:
    """Give what the optimizer keeps of each parameter the parameter's layout, which files do not have.

    A fused optimizer walks through memory: in another layout it would take one weight's mean for another's.
    """
    for parameter, state in optimizer.state.items():
        for key, value in state.items():
            if isinstance(value, Tensor) and value.shape == parameter.shape:
                state[key] = torch.empty_like(parameter, dtype=value.dtype).copy_(value)


def _without_prefix(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {
        name.removeprefix(prefix): tensor
        for name, tensor in tensors.items()
        if name.startswith(prefix)
    }


def _write(file: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, Any]) -> None:
    # Cloned: safetensors refuses tensors that share memory, as tied weights do.
    cpu = {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}
    # Through JSON once, as a reader gets it back: its checksum is over that.
    stated = json.loads(json.dumps({"crc32": {k: _crc32(v) for k, v in cpu.items()}, **metadata}))
    header = {"format": FORMAT, "header_crc32": _text_crc32(stated), **stated}
    file.touch()
    mode = (
        file.stat().st_mode
    )  # by the user's umask; safetensors makes files that only the user can read
    try:
        save_file(cpu, file, metadata={"bakeoff": json.dumps(header)})
    except SafetensorError as error:
        raise CheckpointError(
            f"{file.parent}: a checkpoint cannot be written: {error}. Free space there or move the "
            "results, then start the run again: it goes on from the checkpoint before."
        ) from error
    file.chmod(mode)


def _read(file: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    with safe_open(file, framework="pt") as opened:
        metadata = json.loads((opened.metadata() or {})["bakeoff"])
        tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    if metadata.pop("format") != FORMAT:
        raise ValueError("written by another version of bakeoff")
    if metadata.pop("header_crc32") != _text_crc32(metadata):
        raise ValueError("the header does not match its checksum")
    sums = metadata.pop("crc32")
    for name in sums.keys() | tensors.keys():
        if name not in tensors or sums.get(name) != _crc32(tensors[name]):
            raise ValueError(f"tensor {name} does not match its checksum")
    return tensors, metadata


def _crc32(tensor: Tensor) -> int:
    described = zlib.crc32(f"{tensor.dtype} {list(tensor.shape)}".encode())
    if not tensor.numel():
        return described
    # A scalar has no bytes to view until it is a vector.
    return zlib.crc32(tensor.reshape(-1).view(torch.uint8).numpy().data, described)


def _text_crc32(header: Mapping[str, Any]) -> int:
    return zlib.crc32(json.dumps(header).encode())

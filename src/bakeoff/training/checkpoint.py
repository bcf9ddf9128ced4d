"""Checkpoints: all that a run needs to go on, in one file that is whole, checked, and never unpickled.

Tensors are named `model/<name>`, `optimizer/<parameter>/<name>` and `epoch/<name>` (the outputs of the
epoch in progress so far); the rest is JSON in the header. Parameters that do not train are left out: a run
makes them again, and the checksums in the header say whether they are the same.
"""

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from bakeoff.errors import CheckpointError
from bakeoff.files import flush, replacing
from bakeoff.models.normalisation import expected_of
from bakeoff.training.checked_file import (
    DAMAGED,
    checksum,
    read_checked,
    write_checked,
    write_temporary,
)

log = logging.getLogger(__name__)

Sums = Mapping[str, int]
"""Checksums of tensors by name."""


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
    numerics: dict[str, Any] = field(default_factory=dict)  # how that job computed
    device: str = ""  # what it was trained on last: cpu or the GPU's model; empty: not known
    attempts: list[dict[str, Any]] = field(default_factory=list)  # the jobs that trained it

    @property
    def begun(self) -> bool:
        """Whether any step is done, so that there is a checkpoint to go on from."""
        return self.step > 0 or bool(self.history)


@dataclass
class Checkpoint:
    """A checkpoint as read: tensors by name, on the CPU."""

    progress: Progress
    tensors: dict[str, Tensor]
    frozen: Sums = field(default_factory=dict)  # of the parameters that it leaves out

    def restore(self, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        """Put weights and optimizer state back, exactly.

        Raises CheckpointError where the parameters that it leaves out are not the model's frozen ones.
        """
        own = _without_prefix("model/", self.tensors)
        if self.frozen and self.frozen != frozen_sums(model):
            raise CheckpointError(
                "the parameters that do not train are not those that the checkpoint went on from: another "
                "version of torch or of the model draws or reads others. Go on with the versions of then, or "
                "start again with --fresh."
            )
        kept = model.state_dict()
        model.load_state_dict(own | {name: kept[name] for name in self.frozen}, strict=True)
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


def state_of(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    epoch_tensors: Mapping[str, Tensor],
    frozen: Sums,
) -> dict[str, Tensor]:
    """The tensors of a checkpoint, as they are in the training: `frozen` parameters are left out."""
    kept = model.state_dict().items()
    tensors = {f"model/{name}": value for name, value in kept if name not in frozen}
    for index, state in optimizer.state_dict()["state"].items():
        for key, value in state.items():
            tensors[f"optimizer/{index}/{key}"] = torch.as_tensor(value)
    return tensors | {f"epoch/{name}": value for name, value in epoch_tensors.items()}


def frozen_sums(model: nn.Module) -> Sums:
    """The checksums of the parameters that do not train; buffers are not among them, they may change."""
    parameters = model.named_parameters(remove_duplicate=False)
    return {name: checksum(value) for name, value in parameters if not value.requires_grad}


@dataclass(frozen=True)
class Best:
    """The weights of the best epoch so far, and what their file says: epoch, digest."""

    tensors: Mapping[str, Tensor]
    metadata: Mapping[str, Any]


class CheckpointFolder:
    """last.ckpt, the one before it (previous.ckpt), and the best weights (best.safetensors).

    best.safetensors is of the epoch that last.ckpt names as the best, whenever the process is killed: new
    best weights wait beside it until last.ckpt names them.
    """

    def __init__(self, folder: Path) -> None:
        self.last = folder / "last.ckpt"
        self.previous = folder / "previous.ckpt"
        self.best = folder / "best.safetensors"
        self._next_best = folder / "next-best.safetensors"
        self._last_is_unusable = (
            False  # then `save` must not move last.ckpt over a good previous.ckpt
        )

    def save(
        self,
        progress: Progress,
        tensors: Mapping[str, Tensor],
        frozen: Sums | None = None,
        best: Best | None = None,
    ) -> None:
        """Write last.ckpt; the one before becomes previous.ckpt. A kill leaves at least one whole.

        `tensors` and `frozen` are of `state_of` and `frozen_sums`; `best` is given where best.safetensors is
        of an earlier epoch. A last.ckpt that `load` found unusable is replaced instead.
        """
        if best is not None:
            write_checked(self._next_best, best.tensors, best.metadata)
        with replacing(self.last) as temporary:
            write_temporary(temporary, tensors, {"frozen": frozen or {}, **asdict(progress)})
            if self.last.exists() and not self._last_is_unusable:
                self.last.replace(self.previous)
        self._last_is_unusable = False
        if best is not None:
            self._take_next_best()

    def load(
        self, digest: str, repeats: Callable[[Progress], bool] = lambda _: True
    ) -> Checkpoint | None:
        """The newest whole checkpoint of the run `digest`; None where there is none.

        A damaged file, or one of another configuration, is skipped with a warning. `repeats` says whether
        this job makes the same bits of a later epoch as the one that made it already.
        """
        for file in (self.last, self.previous):
            if not file.exists():
                continue
            try:
                checkpoint = _read(file)
            except DAMAGED as error:
                log.warning("%s is damaged (%s): falling back to the one before it.", file, error)
                continue
            progress = checkpoint.progress
            if progress.digest != digest:
                log.warning("%s is of another configuration: it is not used.", file)
                continue
            if self._has_best_of(progress, repeats):
                self._last_is_unusable = file != self.last
                return checkpoint
            log.warning(
                "%s is missing, damaged or of another epoch: %s cannot be used.", self.best, file
            )
        return None

    def clear(self) -> None:
        """Remove every checkpoint, for a run that starts from scratch."""
        for file in (self.last, self.previous, self.best, self._next_best):
            file.unlink(missing_ok=True)

    def recover(self) -> None:
        """Finish or undo what a process that was killed had begun: half-written files go.

        To be called before `load`, by one process.
        """
        if self._next_best.exists():
            with suppress(*DAMAGED):
                progress = _read(self.last).progress
                _, metadata = read_checked(self._next_best)
                if (metadata["epoch"], metadata["digest"]) == (
                    progress.best_epoch,
                    progress.digest,
                ):
                    self._take_next_best()
        self._next_best.unlink(missing_ok=True)
        for file in (self.last, self.best, self._next_best):
            for leftover in file.parent.glob(f".{file.stem}.*{file.suffix}"):
                leftover.unlink(missing_ok=True)

    def _take_next_best(self) -> None:
        self._next_best.replace(self.best)
        flush(self.best.parent)

    def _has_best_of(self, progress: Progress, repeats: Callable[[Progress], bool]) -> bool:
        """Whether best.safetensors is of the best epoch in `progress`, or of one that comes again.

        Where last.ckpt is damaged, the one before may not have reached the best epoch yet: that is about to
        be repeated, and ends in the same weights if this job repeats bits.
        """
        if progress.best_epoch == 0:
            return True
        try:
            _, metadata = read_checked(self.best)
            epoch = int(metadata["epoch"])
        except DAMAGED:
            return False
        return epoch == progress.best_epoch or (epoch > len(progress.history) and repeats(progress))


def weights_of(model: nn.Module, metadata: Mapping[str, Any]) -> Best:
    """A model's weights as they are in the training, and what their file says.

    A model that started from pretrained weights also states there what it expects of its input.
    """
    expected = expected_of(model)
    stated = {"mean": expected.mean, "std": expected.spread} if expected else {}
    return Best(model.state_dict(), {**metadata, **stated})


def save_weights(file: Path, model: nn.Module, metadata: Mapping[str, Any]) -> None:
    """Write a model's weights as safetensors, with plain metadata in the header (`weights_of`)."""
    weights = weights_of(model, metadata)
    write_checked(file, weights.tensors, weights.metadata)


def load_weights(file: Path, model: nn.Module) -> dict[str, Any]:
    """Load weights into `model`, strictly, and return their metadata.

    Raises CheckpointError naming the file when it is missing, damaged, or another model's.
    """
    try:
        tensors, metadata = read_checked(file)
        model.load_state_dict(tensors, strict=True)
    except (*DAMAGED, RuntimeError) as error:
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


def _read(file: Path) -> Checkpoint:
    tensors, metadata = read_checked(file)
    frozen = metadata.pop("frozen", {})
    return Checkpoint(Progress(**metadata), tensors, frozen)

"""A trial of a training step and an evaluation batch: what they take on a GPU, and no trace of them."""

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn

from bakeoff.config.schema import Image
from bakeoff.training.evaluate import EVALUATION_BATCH
from bakeoff.training.images import SplitImages
from bakeoff.training.scaling import normalise


def bytes_of_step(
    objective: nn.Module,
    optimizer: torch.optim.Optimizer,
    images: SplitImages,
    batch_size: int,
    image: Image,
) -> int:
    """Bytes that a step or an evaluation batch takes on the GPU at its peak, beside the weights.

    `batch_size` is this process's share. The optimizer's state counts where it has none yet.
    """

    def trial() -> None:
        # The step itself says better what is wrong with a batch.
        with undone(objective, optimizer), suppress(ValueError):
            try_step(objective, optimizer, images, batch_size, image)

    return _peak_bytes(images.device, trial)


def try_step(
    objective: nn.Module,
    optimizer: torch.optim.Optimizer,
    images: SplitImages,
    batch_size: int,
    image: Image,
) -> None:
    """Train on a batch and evaluate one, as a run does."""
    # One more: `batches` lets a last image join the batch before.
    pixels, targets = images.batch(torch.arange(min(batch_size + 1, len(images))))
    objective.train()
    loss, _ = objective(normalise(pixels.float(), image), targets)
    loss.backward()
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    del pixels, targets, loss
    objective.eval()
    with torch.no_grad():
        pixels, targets = images.batch(torch.arange(min(EVALUATION_BATCH, len(images))))
        objective(normalise(pixels, image), targets)


@contextmanager
def undone(module: nn.Module, optimizer: torch.optim.Optimizer) -> Iterator[None]:
    """Steps that leave no trace: weights, running statistics, optimizer, generators have their bits again."""
    mode, state = module.training, copy.deepcopy(_on_cpu(optimizer.state_dict()))
    kept = [tensor.detach().cpu().clone() for tensor in _tensors(module)]
    groups = [{k: v for k, v in g.items() if k != "params"} for g in optimizer.param_groups]
    gpus = {tensor.device for tensor in _tensors(module) if tensor.is_cuda}
    with torch.random.fork_rng(gpus):
        try:
            yield
        finally:
            optimizer.zero_grad(set_to_none=True)
            with torch.no_grad():
                for tensor, before in zip(_tensors(module), kept, strict=True):
                    tensor.copy_(before)
            optimizer.load_state_dict(state)
            for group, of_before in zip(optimizer.param_groups, groups, strict=True):
                group.update(of_before)  # a GPU's learning rate is a tensor that stays where it is
            module.train(mode)


def _peak_bytes(device: torch.device, trial: Callable[[], None]) -> int:
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    trial()
    needed = torch.cuda.max_memory_allocated(device) - before
    torch.cuda.empty_cache()  # what the trial had counts as free again
    return needed


def _tensors(module: nn.Module) -> Iterator[Tensor]:
    return chain(module.parameters(), module.buffers())


def _on_cpu(value: Any) -> Any:
    """A nested state with its tensors on the CPU: a second copy on a GPU would count as needed."""
    if isinstance(value, Tensor):
        return value.detach().cpu()
    if isinstance(value, dict):
        return {key: _on_cpu(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(_on_cpu, value))
    return value

"""What the parity tests share: random weights everywhere, the same images, the largest difference."""

import torch
from torch import Tensor, nn

from bakeoff.models.registry import Task

FLOAT32, FLOAT64 = 1e-5, 1e-12  # the largest difference of any output that is still parity


def randomise(module: nn.Module, seed: int = 0) -> nn.Module:
    """Random weights everywhere, norms and running statistics too: a zero hides what it multiplies."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in [*module.named_parameters(), *module.named_buffers()]:
            if "running_var" in name:
                tensor.uniform_(0.5, 1.5, generator=generator)
            elif tensor.is_floating_point() and "normalise" not in name:
                tensor.normal_(std=0.05 if tensor.dim() > 1 else 0.2, generator=generator)
        for part in module.modules():
            if isinstance(part, nn.LayerNorm | nn.GroupNorm | nn.BatchNorm2d):
                part.weight.add_(1.0)
    return module.eval()


def images(task: Task, count: int = 2) -> Tensor:
    """The same images (count, C, S, S) in 0..1 at every call."""
    shape = (count, task.channels, task.size, task.size)
    return torch.rand(shape, generator=torch.Generator().manual_seed(1))


def difference(ours: nn.Module, theirs: nn.Module, task: Task, dtype: torch.dtype) -> float:
    """The largest difference of any output of two modules on the same images."""
    x = images(task).to(dtype)
    with torch.no_grad():
        return float((ours.to(dtype)(x) - theirs.to(dtype)(x)).abs().max())

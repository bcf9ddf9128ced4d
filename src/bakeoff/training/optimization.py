"""The optimizer of a run, and its learning rate as a pure function of the step."""

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from bakeoff.config.schema import Training


def make_optimizer(
    parameters: Iterable[nn.Parameter], training: Training, *, fused: bool = False
) -> torch.optim.Optimizer:
    """The optimizer by name over the parameters that train.

    `adam` couples weight decay into the gradient (L2); `adamw` decouples it (arXiv 1711.05101). `fused` is
    one kernel over all parameters, whose sums are in another order; on a GPU it is always that, with the
    learning rate and the count of steps there, so that a CUDA graph can hold the step.
    """
    trainable = [parameter for parameter in parameters if parameter.requires_grad]
    lr, decay = training.lr, training.weight_decay
    on_gpu = bool(trainable) and trainable[0].is_cuda
    options: dict[str, Any] = {"fused": True} if fused or on_gpu else {}
    if on_gpu and training.optimizer != "sgd":
        options["capturable"] = True
    optimizer: torch.optim.Optimizer
    match training.optimizer:
        case "adamw":
            optimizer = torch.optim.AdamW(trainable, lr=lr, weight_decay=decay, **options)
        case "adam":
            optimizer = torch.optim.Adam(trainable, lr=lr, weight_decay=decay, **options)
        case "sgd":
            options["momentum"] = training.momentum
            optimizer = torch.optim.SGD(trainable, lr=lr, weight_decay=decay, **options)
    if on_gpu:
        for group in optimizer.param_groups:
            group["lr"] = torch.tensor(lr, device=trainable[0].device)
    return optimizer


def set_learning_rate(optimizer: torch.optim.Optimizer, lr: float) -> None:
    """Take the next step with this learning rate."""
    for group in optimizer.param_groups:
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(lr)
        else:
            group["lr"] = lr


def learning_rate(training: Training, step: int, total_steps: int) -> float:
    """The learning rate of optimizer step `step` (0-based) of `total_steps`.

    Linear warm-up over the first `warmup` share of the steps, then constant, linear to zero, or
    half a cosine (arXiv 1608.03983).
    """
    warmup_steps = round(training.warmup * total_steps)
    if step < warmup_steps:
        return training.lr * (step + 1) / warmup_steps
    progress = (step - warmup_steps) / max(1, total_steps - warmup_steps)
    match training.schedule:
        case "constant":
            return training.lr
        case "linear":
            return training.lr * (1 - progress)
        case "cosine":
            return training.lr * 0.5 * (1 + math.cos(math.pi * progress))

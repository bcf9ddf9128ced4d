"""The optimizer of a run, and its learning rate as a pure function of the step."""

import math
from collections.abc import Iterable

import torch
from torch import nn

from bakeoff.config.schema import Training


def make_optimizer(parameters: Iterable[nn.Parameter], training: Training) -> torch.optim.Optimizer:
    """The optimizer by name over the parameters that train.

    `adam` couples weight decay into the gradient (L2); `adamw` decouples it (arXiv 1711.05101).
    """
    trainable = [parameter for parameter in parameters if parameter.requires_grad]
    lr, decay = training.lr, training.weight_decay
    match training.optimizer:
        case "adamw":
            return torch.optim.AdamW(trainable, lr=lr, weight_decay=decay)
        case "adam":
            return torch.optim.Adam(trainable, lr=lr, weight_decay=decay)
        case "sgd":
            return torch.optim.SGD(trainable, lr=lr, weight_decay=decay, momentum=training.momentum)


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

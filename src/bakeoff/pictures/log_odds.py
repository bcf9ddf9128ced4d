"""The score that a picture explains, before the softmax or sigmoid that made a probability of it."""

import torch
from torch import Tensor, nn

from bakeoff.models.registry import OwnObjective, Targets
from bakeoff.task.classification import ClassificationTask
from bakeoff.task.losses import Loss

NEAR = 1e-6  # how near to 0 and 1 a probability comes where log-odds are taken of it


def log_odds(
    model: nn.Module, images: Tensor, scores: Tensor, task: ClassificationTask, loss: Loss
) -> Tensor:
    """Log p / (1 - p) of one score of each of the images (B, C, H, W), differentiable: (B,).

    `scores` int64 (B,) are their positions among what the task scores. Of logits they are what comes before
    the probability; of a model with an objective of its own they are taken of the probability.
    """
    if not isinstance(model, OwnObjective):
        return loss.log_odds(model(images), scores)
    nothing = torch.tensor(task.unlabelled(len(images)), device=images.device)
    blank = torch.zeros(len(images), len(task.vocabulary), device=images.device)
    _, every = model.objective(images, Targets(nothing, blank))  # scores look at no target
    probability = every.reshape(len(images), -1).gather(1, scores[:, None])[:, 0]
    return torch.logit(probability, eps=NEAR)

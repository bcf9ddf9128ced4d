"""The model of a run before its first step: weights drawn from the seed, or pretrained ones."""

import torch
from torch import nn

from bakeoff.config.experiment import Experiment, Run
from bakeoff.models.registry import Expected, Task
from bakeoff.task.losses import loss_of
from bakeoff.training.randomness import derive
from bakeoff.weights.start import build_started


def build_model(experiment: Experiment, run: Run, expected: Expected | None = None) -> nn.Module:
    """The model of a run, its initial weights pretrained or drawn from the run's seed.

    `expected` is set where trained weights are loaded next: it is what they expect of the input, and no
    pretrained weights are read.
    """
    variant = run.variant
    torch.manual_seed(derive(run.seed, "initialise"))
    wanted = experiment.task
    task = Task(
        channels=variant.image.channels,
        size=variant.image.size,
        outputs=loss_of(wanted, variant.training.loss).outputs,
        findings=wanted.vocabulary,
        negatives=wanted.negatives,
        expected=expected,
        scored=wanted.scored_as,
    )
    if variant.weights is not None and expected is None:
        variant.weights.content()  # refuses what is missing, or is not what it should be
    return build_started(variant.model, task, variant.arguments())

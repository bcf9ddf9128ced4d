"""The subject of a run's pictures: its model with the best weights, and the chosen test images."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bakeoff.config.experiment import Experiment, Run
from bakeoff.data.classes import ClassNames
from bakeoff.data.pack import open_packed
from bakeoff.errors import EvaluationError
from bakeoff.evaluation.predictions import read_predictions
from bakeoff.files import read_json
from bakeoff.inference.trained_model import load_trained
from bakeoff.layout import Layout
from bakeoff.models.registry import OwnObjective, Targets
from bakeoff.pictures.choice import Chosen, choose
from bakeoff.task.losses import Loss, loss_of
from bakeoff.training.device import device_to_apply
from bakeoff.training.randomness import make_deterministic
from bakeoff.training.scaling import channels_first, normalise

EPSILON = 1e-6  # the distance from 0 and 1 that scores keep where log-odds are taken


@dataclass(frozen=True)
class Subject:
    """A model in evaluation mode and K images, chosen and described."""

    model: nn.Module
    loss: Loss
    images: Tensor  # float (K, C, S, S), as the model sees them
    pixels: NDArray[np.uint8]  # (K, S, S) or (K, S, S, 3), as people see them
    chosen: tuple[Chosen, ...]
    threshold: float  # class 1 is predicted from this score on
    findings: tuple[str, ...]  # of the data, those of class 0 first
    classes: ClassNames

    @property
    def size(self) -> int:
        """S, pixels per side."""
        return int(self.images.shape[-1])

    def first_of_each_outcome(self) -> list[int]:
        """One image of each outcome that occurs."""
        outcomes = [image.outcome for image in self.chosen]
        return [outcomes.index(outcome) for outcome in dict.fromkeys(outcomes)]


def open_subject(experiment: Experiment, run: Run, layout: Layout, each: int) -> Subject:
    """Load the run's best weights and at most `each` test images of every outcome.

    Needs the evaluate stage; raises EvaluationError, CheckpointError or DataError.
    """
    training, image = run.variant.training, run.variant.image
    make_deterministic(training.threads, deterministic=training.deterministic)
    folder = layout.run(run.variant.name, run.seed)
    threshold = read_threshold(folder.path / "metrics.json")
    chosen = choose(read_predictions(folder.predictions("test")), threshold, each)
    # A run that was trained on a GPU is drawn with or without one.
    device = device_to_apply(training.device)
    model, _ = load_trained(experiment, run, folder.best, device)
    packed = open_packed(layout, image)
    pixels = packed.images[packed.rows([one.name for one in chosen])]
    images = normalise(channels_first(torch.from_numpy(pixels).to(device)), image)
    data = experiment.data
    return Subject(
        model=model.eval(),
        loss=loss_of(experiment.task, training.loss),
        images=images,
        pixels=pixels,
        chosen=tuple(chosen),
        threshold=threshold,
        findings=(*data.negative, *data.positive),
        classes=ClassNames.of(data.negative, data.positive),
    )


def read_threshold(metrics: Path) -> float:
    """The threshold that evaluation chose on validation; EvaluationError where there is none."""
    try:
        return float(read_json(metrics)["threshold"]["value"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EvaluationError(
            f"{metrics}: no threshold to tell the outcomes by ({error!r}). Run the evaluate stage first."
        ) from error


def log_odds(model: nn.Module, loss: Loss, images: Tensor, findings: int) -> Tensor:
    """Log P(class 1) / P(class 0) of images (K, C, H, W), differentiable: (K,).

    It is the class score before the softmax (or sigmoid) of a model with two outputs (or one).
    """
    if isinstance(model, OwnObjective):
        blank = torch.zeros(len(images), findings, device=images.device)
        labels = torch.zeros(len(images), dtype=torch.int64, device=images.device)
        _, probability = model.objective(images, Targets(labels, blank))
        return torch.logit(probability, eps=EPSILON)
    logits: Tensor = model(images)
    return logits[:, 0] if loss.outputs == 1 else logits[:, 1] - logits[:, 0]

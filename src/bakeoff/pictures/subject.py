"""The subject of a run's pictures: its model with the best weights, and the chosen test images."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bakeoff.config.experiment import Experiment, Run
from bakeoff.data.pack import open_packed
from bakeoff.errors import EvaluationError
from bakeoff.evaluation.predictions import read_predictions
from bakeoff.files import read_json
from bakeoff.inference.trained_model import load_trained
from bakeoff.layout import Layout
from bakeoff.pictures.choice import Chosen, choose
from bakeoff.task.classification import ClassificationTask, Labels, Scores
from bakeoff.task.losses import Loss, loss_of
from bakeoff.task.measures import measures_of
from bakeoff.training.device import device_to_apply
from bakeoff.training.numerics import Numerics
from bakeoff.training.randomness import make_deterministic
from bakeoff.training.scaling import channels_first, normalise


@dataclass(frozen=True)
class Subject:
    """A model in evaluation mode and K images, chosen and described."""

    model: nn.Module
    task: ClassificationTask
    loss: Loss
    images: Tensor  # float (K, C, S, S), as the model sees them
    pixels: NDArray[np.uint8]  # (K, S, S) or (K, S, S, 3), as people see them
    chosen: tuple[Chosen, ...]
    labels: Labels  # (K,) or (K, F)
    scores: Scores  # (K,) or (K, number of scores)
    thresholds: dict[str, float]  # from which on something is called, by name; of some tasks none

    @property
    def size(self) -> int:
        """S, pixels per side."""
        return int(self.images.shape[-1])

    @property
    def threshold(self) -> float | None:
        """The threshold, where there is a single score to have one."""
        return next(iter(self.thresholds.values()), None) if self.one_score else None

    @property
    def one_score(self) -> bool:
        """Whether every image is explained by the same score."""
        return len(self.task.scored) == 1

    def explained(self, where: str) -> str:
        """Whose score is explained, in a sentence: the only class that has one, or what is named `where`."""
        if self.one_score:
            return self.task.scored[0]
        return f"the {self.task.label_noun} named {where}"

    def first_of_each_outcome(self, most: int) -> list[int]:
        """One image of each outcome that occurs, of the first `most` outcomes."""
        outcomes = [image.outcome for image in self.chosen]
        return [outcomes.index(outcome) for outcome in dict.fromkeys(outcomes)][:most]

    def at(self, rows: list[int]) -> "Subject":
        """The same with some of its images."""
        return replace(
            self,
            images=self.images[rows],
            pixels=self.pixels[rows],
            chosen=tuple(self.chosen[row] for row in rows),
            labels=self.labels[rows],
            scores=self.scores[rows],
        )


def open_subject(experiment: Experiment, run: Run, layout: Layout, each: int) -> Subject:
    """Load the run's best weights and at most `each` test images of every outcome.

    Needs the evaluate stage; raises EvaluationError, CheckpointError or DataError.
    """
    training, image = run.variant.training, run.variant.image
    make_deterministic(training.threads, deterministic=training.deterministic)
    folder = layout.run(run.variant.name, run.seed)
    task = experiment.task
    thresholds = read_thresholds(folder.path / "metrics.json", task)
    test = read_predictions(folder.predictions("test"), task)
    chosen = choose(test, thresholds, each)
    # A run that was trained on a GPU is drawn with or without one.
    device = device_to_apply(training.device)
    Numerics().set_products()
    model, _ = load_trained(experiment, run, folder.best, device)
    packed = open_packed(layout, image)
    pixels = packed.images[packed.rows([one.name for one in chosen])]
    images = normalise(channels_first(torch.from_numpy(pixels).to(device)), image)
    rows = [one.case.row for one in chosen]
    return Subject(
        model=model.eval(),
        task=task,
        loss=loss_of(task, training.loss),
        images=images,
        pixels=pixels,
        chosen=tuple(chosen),
        labels=test.labels[rows],
        scores=test.scores[rows],
        thresholds=thresholds,
    )


def read_thresholds(metrics: Path, task: ClassificationTask) -> dict[str, float]:
    """The thresholds that evaluation chose on validation; EvaluationError where there is no evaluation."""
    try:
        return measures_of(task).thresholds_in(read_json(metrics))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise EvaluationError(
            f"{metrics}: no threshold to tell the outcomes by ({error!r}). Run the evaluate stage first."
        ) from error

"""One pass over a split: training steps with their outputs, and evaluation without gradients."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bakeoff.config.schema import Image
from bakeoff.errors import TrainingError
from bakeoff.models.registry import OwnObjective, Targets
from bakeoff.pace import Pace
from bakeoff.task.losses import Loss
from bakeoff.task.measures import Measures
from bakeoff.training.augment import Augmentation
from bakeoff.training.distributed import World
from bakeoff.training.images import SplitImages, batches
from bakeoff.training.randomness import derive
from bakeoff.training.scaling import normalise

EVALUATION_BATCH = 64
SINGLE_VALUE = "more than 1 value per channel"
"""Part of torch's error where batch normalisation has a single value to take a variance of."""


class Objective(nn.Module):
    """What is minimised: the model's own objective, or a loss over its logits."""

    def __init__(self, model: nn.Module, loss: Loss) -> None:
        super().__init__()
        self.model, self.loss = model, loss

    def forward(self, inputs: Tensor, targets: Targets) -> tuple[Tensor, Tensor]:
        """Mean loss () and scores, (B,) or (B, K), of images (B, C, H, W)."""
        if isinstance(self.model, OwnObjective):
            return self.model.objective(inputs, targets)
        logits = self.model(inputs)
        return self.loss.value(logits, targets.labels), self.loss.scores(logits)


@dataclass(frozen=True)
class BatchOutputs:
    """The outputs of a batch on the CPU: mean loss, scores float (B,) or (B, K), labels (B,) or (B, F)."""

    loss: float
    scores: Tensor
    labels: Tensor
    stop: bool = False  # whether a process has to stop


@dataclass
class EpochOutputs:
    """Scores and labels of an epoch so far, and the sum of its losses over images."""

    loss_sum: float = 0.0
    scores: list[Tensor] = field(default_factory=list)
    labels: list[Tensor] = field(default_factory=list)

    def add(self, batch: BatchOutputs) -> None:
        """Add the outputs of a batch."""
        self.loss_sum += batch.loss * len(batch.labels)
        self.scores.append(batch.scores)
        self.labels.append(batch.labels)

    def tensors(self) -> dict[str, Tensor]:
        """The outputs as tensors, for a checkpoint in the middle of an epoch."""
        if not self.scores:
            return {}
        return {"scores": torch.cat(self.scores), "labels": torch.cat(self.labels)}

    def metrics(
        self, prefix: str, measures: Measures, selected: str | None = None
    ) -> dict[str, float]:
        """Mean loss, accuracy and AUROC so far as prefix_loss, prefix_acc and prefix_auc, over classes.

        `selected` is another metric of the task, as prefix_<selected>. Raises TrainingError for a score
        that is not finite: an AUROC needs ranks.
        """
        scores = torch.cat(self.scores).double().numpy()
        if not np.isfinite(scores).all():
            raise TrainingError(
                f"{np.count_nonzero(~np.isfinite(scores))} of {scores.size} scores are not finite "
                f"({prefix}). Lower training.lr, or set training.clip and training.warmup."
            )
        labels = torch.cat(self.labels).numpy()
        found = {"loss": self.loss_sum / len(labels), **measures.epoch(labels, scores)}
        if selected is not None:
            found[selected] = measures.selected(labels, scores, selected)
        return {f"{prefix}_{name}": value for name, value in found.items()}


@dataclass(frozen=True)
class Stepper:
    """A training step: everything random in it is a function of (seed, epoch, step)."""

    objective: Objective
    parallel: nn.Module  # the objective, its gradients averaged over the processes of the world
    optimizer: torch.optim.Optimizer
    image: Image
    seed: int
    clip: float | None
    world: World

    def step(
        self,
        images: SplitImages,
        rows: Tensor,
        *,
        epoch: int,
        step: int,
        lr: float,
        stop_reason: Callable[[], object],
    ) -> BatchOutputs:
        """Train on the rows of one batch; all processes learn whether one of them has to stop.

        Raises TrainingError when the loss is not finite; the weights are then those of before.
        """
        mine = self.world.share(rows)
        drawn = Augmentation.draw(len(rows), self.image, images.side, self.seed, epoch, step)
        # A process without a share (of a small last batch) computes one image with weight 0,
        # which counts in no batch normalisation.
        taken = mine if len(mine) else torch.zeros(1, dtype=torch.int64)
        pixels, targets = images.batch(rows[taken])
        augmented = drawn.of(taken).apply(pixels.float())
        # Dropout and its like; the first process draws what a single one would.
        others = (self.world.rank,) if self.world.rank else ()
        torch.manual_seed(derive(self.seed, "step", epoch, step, *others))
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        self.optimizer.zero_grad(set_to_none=True)
        try:
            with self.world.counting(self.objective, len(mine)):
                loss, scores = self.parallel(normalise(augmented, self.image), targets)
        except ValueError as error:
            if SINGLE_VALUE not in str(error):
                raise
            raise TrainingError(
                f"a batch of {len(taken)} leaves batch normalisation a single value per channel at epoch "
                f"{epoch}, step {step + 1}, which has no variance. Raise training.batch_size (2 at least in "
                "each process) or image.size."
            ) from error
        mean, seen, stop = self.world.combine(
            loss.detach(), scores.detach()[: len(mine)], mine, len(rows), bool(stop_reason())
        )
        if not math.isfinite(mean):
            raise TrainingError(
                f"the loss is {mean} at epoch {epoch}, step {step + 1} with learning rate "
                f"{lr:g}. Lower training.lr, or set training.clip and training.warmup."
            )
        # The processes' gradients are averaged: a share of the images is a share of the sum.
        weight = self.world.size * len(mine) / len(rows)
        (loss * weight if self.world.size > 1 else loss).backward()
        if self.clip is not None:
            nn.utils.clip_grad_norm_(self.objective.parameters(), self.clip)
        self.optimizer.step()
        return BatchOutputs(mean, seen, images.labels[rows.to(images.device)].cpu(), stop)


@torch.no_grad()
def evaluate(
    objective: Objective,
    images: SplitImages,
    image: Image,
    world: World | None = None,
    progress: Pace | None = None,
) -> EpochOutputs:
    """The outputs of a split in evaluation mode, in its order; `progress` is called after each batch."""
    world = world or World()
    objective.eval()
    outputs = EpochOutputs()
    for rows in batches(torch.arange(len(images)), EVALUATION_BATCH):
        mine = world.share(rows)
        taken = mine if len(mine) else torch.zeros(1, dtype=torch.int64)
        pixels, targets = images.batch(rows[taken])
        loss, scores = objective(normalise(pixels, image), targets)
        mean, seen, _ = world.combine(loss, scores[: len(mine)], mine, len(rows), stop=False)
        outputs.add(BatchOutputs(mean, seen, images.labels[rows.to(images.device)].cpu()))
        if progress is not None:
            progress(int(rows[-1]) + 1, len(images))
    return outputs


def scores_of(outputs: EpochOutputs) -> NDArray[np.float32]:
    """The scores of every image, float32 (N,) or (N, K)."""
    return torch.cat(outputs.scores).numpy()

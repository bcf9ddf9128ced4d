"""A training step: forward, backward, optimizer; everything random in it is of (seed, epoch, step)."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from bakeoff.config.schema import Image
from bakeoff.errors import TrainingError
from bakeoff.models.registry import Targets
from bakeoff.training.augment import Augmentation, augmented_input, turn
from bakeoff.training.cuda_graph import CapturedSteps
from bakeoff.training.distributed import World
from bakeoff.training.gathered import Gathered
from bakeoff.training.images import SplitImages
from bakeoff.training.objective import Objective
from bakeoff.training.optimization import set_learning_rate
from bakeoff.training.outputs import Launched
from bakeoff.training.randomness import derive, seed_generators
from bakeoff.training.scaling import normalise
from bakeoff.training.without_compiler import take_step

SINGLE_VALUE = "more than 1 value per channel"
"""Part of torch's error where batch normalisation has a single value to take a variance of."""


@dataclass(frozen=True)
class Stepper:
    """The training step of a run.

    On a GPU it waits for nothing: the loss and the scores are fetched later, and a loss that is not finite
    is noticed then, before anything is saved. On the CPU it is noticed before the weights change.
    """

    objective: Objective
    parallel: nn.Module  # the objective, its gradients averaged over the processes of the world
    optimizer: torch.optim.Optimizer
    image: Image
    seed: int
    clip: float | None
    world: World
    deferred: bool = False  # outputs are read later: what a GPU needs, so that it never idles
    captured: CapturedSteps | None = None  # of one process on a GPU

    def step(
        self,
        images: SplitImages,
        rows: Tensor,
        *,
        epoch: int,
        step: int,
        lr: float,
        stop_reason: Callable[[], object],
    ) -> Launched:
        """Train on the rows of one batch; all processes learn whether one of them has to stop.

        Raises TrainingError when the loss is not finite: at once, and the weights are then those of before;
        of a deferred step when its outputs are fetched.
        """
        share = self.world.share(len(rows))
        # A process without a share (of a small last batch) computes one image with weight 0,
        # which counts in no batch normalisation.
        own = share if len(rows[share]) else slice(0, 1)
        pixels, targets = images.batch(rows[own])
        drawn = Augmentation.draw(len(rows), self.image, images.side, self.seed, epoch, step)
        # Dropout and its like; the first process draws what a single one would.
        others = (self.world.rank,) if self.world.rank else ()
        seed = derive(self.seed, "step", epoch, step, *others)
        batch = _Batch(pixels, targets, drawn.of(own), seed, len(rows[share]), len(rows))
        stop = bool(stop_reason())

        def gather(loss: Tensor, scores: Tensor) -> Gathered:
            return self.world.gather(loss, scores[: len(rows[share])], len(rows), stop=stop)

        def check(loss: float) -> None:
            if not math.isfinite(loss):
                raise TrainingError(
                    f"the loss is {loss} at epoch {epoch}, step {step + 1} with learning rate "
                    f"{lr:g}. Lower training.lr, or set training.clip and training.warmup."
                )

        set_learning_rate(self.optimizer, lr)
        try:
            later = self.deferred
            gathered = gather(*self._launch(batch)) if later else self._take(batch, gather, check)
        except ValueError as error:
            if SINGLE_VALUE not in str(error):
                raise
            raise TrainingError(
                f"a batch of {len(pixels)} leaves batch normalisation a single value per channel at epoch "
                f"{epoch}, step {step + 1}, which has no variance. Raise training.batch_size (2 at least in "
                "each process) or image.size."
            ) from error
        return Launched(gathered, images.labels_of(rows), check)

    def _take(
        self,
        batch: "_Batch",
        gather: Callable[[Tensor, Tensor], Gathered],
        check: Callable[[float], None],
    ) -> Gathered:
        """The step whose loss is checked before it changes the weights."""
        given = augmented_input(batch.pixels, batch.drawn, self.image)
        seed_generators(batch.seed, batch.pixels.device)
        loss, scores = self._forward(given, batch.targets, batch.own)
        gathered = gather(loss, scores)
        check(gathered.fetch()[0])
        self._update(loss, batch.own / batch.rows)
        return gathered

    def _launch(self, batch: "_Batch") -> tuple[Tensor, Tensor]:
        """The step that nothing waits for; the loss and the scores stay on the device."""
        drawn = batch.drawn.on(batch.pixels.device)
        # What differs in shape from image to image is not of a graph.
        given = batch.pixels if drawn.is_uniform else drawn.apply(batch.pixels)
        turned = (drawn.angles, drawn.flipped) if drawn.is_uniform else (None, None)
        inputs = [given, batch.targets.labels, batch.targets.findings]
        inputs += [drawn_for for drawn_for in turned if drawn_for is not None]

        def work(tensors: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
            images, labels, findings, *rest = tensors
            targets = replace(batch.targets, labels=labels, findings=findings)
            if rest:
                images = turn(images, *rest)
            loss, scores = self._forward(normalise(images, self.image), targets, batch.own)
            self._update(loss, batch.own / batch.rows)
            return loss.detach(), scores.detach()

        def prepare() -> None:
            seed_generators(batch.seed, batch.pixels.device)

        if self.captured is not None:
            return self.captured.take(work, inputs, prepare)
        prepare()
        return work(inputs)

    def _forward(self, given: Tensor, targets: Targets, images: int) -> tuple[Tensor, Tensor]:
        """Mean loss and scores of the model's input; `images` of the batch are this process's."""
        self.optimizer.zero_grad(set_to_none=True)
        with self.world.counting(self.objective, images):
            loss, scores = self.parallel(given, targets)
        return loss, scores

    def _update(self, loss: Tensor, share: float) -> None:
        """Backward and the optimizer's step; `share` of the batch is this process's."""
        # The processes' gradients are averaged: a share of the images is a share of the sum.
        weighed = loss * (self.world.size * share) if self.world.size > 1 else loss
        weighed.backward()  # type: ignore[no-untyped-call]
        if self.clip is not None:
            nn.utils.clip_grad_norm_(self.objective.parameters(), self.clip)
        take_step(self.optimizer)


@dataclass(frozen=True)
class _Batch:
    """What a process trains on in a step."""

    pixels: Tensor  # uint8 (B, 1 or 3, S, S), on the device
    targets: Targets
    drawn: Augmentation
    seed: int
    own: int  # images of the batch that are this process's: none where one stands in
    rows: int  # images of the whole batch

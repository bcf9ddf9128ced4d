"""The outputs of an epoch, batch by batch: fetched from the device late, and in order."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from bakeoff.errors import TrainingError
from bakeoff.task.measures import Measures
from bakeoff.training.gathered import Gathered


@dataclass(frozen=True)
class BatchOutputs:
    """The outputs of a batch on the CPU: mean loss, scores float (B,) or (B, K), labels (B,) or (B, F)."""

    loss: float
    scores: Tensor
    labels: Tensor
    stop: bool = False  # whether a process has to stop


@dataclass(frozen=True)
class Launched:
    """A batch whose outputs may still be on their way from the device."""

    gathered: Gathered
    labels: Tensor  # on the CPU
    check: Callable[[float], None] | None = None  # of the loss; raises TrainingError

    def fetch(self) -> BatchOutputs:
        """The outputs, as soon as the device has them."""
        loss, scores, stop = self.gathered.fetch()
        if self.check is not None:
            self.check(loss)
        return BatchOutputs(loss, scores, self.labels, stop)


@dataclass
class EpochOutputs:
    """Scores and labels of an epoch so far, and the sum of its losses over images."""

    loss_sum: float = 0.0
    scores: list[Tensor] = field(default_factory=list)
    labels: list[Tensor] = field(default_factory=list)
    stop: bool = False  # whether a process had to stop in a batch that all have fetched by now
    _launched: deque[Launched] = field(default_factory=deque)
    # Of batches that are fetched, whether one had to stop: not heard of yet, since others may not know.
    _unheard: deque[bool] = field(default_factory=deque)

    def add(self, batch: BatchOutputs) -> None:
        """Add the outputs of a batch."""
        self.loss_sum += batch.loss * len(batch.labels)
        self.scores.append(batch.scores)
        self.labels.append(batch.labels)
        self._unheard.append(batch.stop)

    def expect(self, batch: Launched, ahead: int) -> None:
        """Add a batch when it is there, and wait for those before until at most `ahead` are not.

        The count bounds what the host launches ahead of the device, and which batch says first that a
        process has to stop is the same in all of them, also where one fetched more in order to save. Raises
        TrainingError for a loss that is not finite.
        """
        self._launched.append(batch)
        self.settle(ahead)
        while len(self._unheard) + len(self._launched) > ahead:
            self.stop |= self._unheard.popleft()

    def settle(self, ahead: int = 0) -> None:
        """Wait for the batches that were launched, except the last `ahead`."""
        while len(self._launched) > ahead:
            self.add(self._launched.popleft().fetch())

    def end(self) -> bool:
        """Wait for every batch of the epoch, as all processes do; whether one had to stop in any of them."""
        self.settle()
        self.stop |= any(self._unheard)
        self._unheard.clear()
        return self.stop

    def tensors(self) -> dict[str, Tensor]:
        """The outputs as tensors, for a checkpoint in the middle of an epoch."""
        self.settle()
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
        self.settle()
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

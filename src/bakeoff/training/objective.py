"""What training minimises, computed in the numerics of the run."""

import torch
from torch import Tensor, nn

from bakeoff.models.registry import OwnObjective, Targets
from bakeoff.task.losses import Loss
from bakeoff.training.numerics import Numerics


class Objective(nn.Module):
    """The model's own objective, or a loss over its logits, computed as `numerics` says."""

    def __init__(self, model: nn.Module, loss: Loss, numerics: Numerics | None = None) -> None:
        super().__init__()
        self.model, self.loss, self.numerics = model, loss, numerics or Numerics()
        self.numerics.prepare(model)
        if self.numerics.compiled:
            self.compile()

    def forward(self, inputs: Tensor, targets: Targets) -> tuple[Tensor, Tensor]:
        """Mean loss () and scores, (B,) or (B, K), of images (B, C, H, W)."""
        images = self.numerics.lay_out(inputs)
        with self.numerics.computing(inputs.device):
            if isinstance(self.model, OwnObjective):
                loss, scores = self.model.objective(images, targets)
                return loss.float(), scores
            logits = self.model(images)
        if logits.dtype == torch.bfloat16:
            logits = logits.float()
        return self.loss.value(logits, targets.labels), self.loss.scores(logits)

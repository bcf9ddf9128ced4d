"""The mean and spread that pretrained weights expect of their input, grey images included.

Summing the RGB kernels of a first convolution for grey input is right only when mean and spread are
the same for the three colours; repeating grey and normalising each colour by its own is always right.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from bakeoff.models.registry import Expected

MEAN_AND_SPREAD: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "half": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
}


class Normalise(nn.Module):
    """(x - mean) / spread per colour: (B, 1 or 3, H, W) in 0..1 -> (B, 3, H, W), grey repeated."""

    def __init__(self, mean: Sequence[float], spread: Sequence[float]) -> None:
        super().__init__()
        self.expected = Expected(tuple(mean), tuple(spread))
        self.mean: Tensor
        self.spread: Tensor
        # Not part of the weights: they are loaded and saved under the names of their origin.
        self.register_buffer("mean", torch.tensor(mean).view(1, -1, 1, 1), persistent=False)
        self.register_buffer("spread", torch.tensor(spread).view(1, -1, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """Images in 0..1 as the pretrained weights saw theirs."""
        return (images - self.mean) / self.spread


def expected_of(model: nn.Module) -> Expected | None:
    """What a model that started from pretrained weights expects of its input; None for any other."""
    for module in model.modules():
        if isinstance(module, Normalise):
            return module.expected
    return None

"""Grad-CAM (arXiv 1610.02391): the places of the last convolutional maps that raise the score of a class.

alpha_k = mean over places of d y / d A^k       y: its log-odds
L       = ReLU(sum_k alpha_k A^k)
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

LEAST_CONVOLUTIONS = 2
"""A single convolution is a patch embedding: its maps are the input of the layers that decide."""


def has_convolutions(model: nn.Module) -> bool:
    """Whether Grad-CAM applies to the model."""
    convolutions = [module for module in model.modules() if isinstance(module, nn.Conv2d)]
    return len(convolutions) >= LEAST_CONVOLUTIONS


def grad_cam(
    model: nn.Module, images: Tensor, score: Callable[[nn.Module, Tensor], Tensor]
) -> Tensor | None:
    """L of images (K, C, H, W) for the score (K,) of `score(model, images)`: (K, rows, columns).

    A are the last maps with more than one place, as they come out of whichever module made them.
    None for models without convolutions.
    """
    if not has_convolutions(model):
        return None
    last: list[Tensor] = []

    def record(_: nn.Module, __: object, output: object) -> None:
        if isinstance(output, Tensor) and output.dim() == 4 and min(output.shape[2:]) > 1:
            last[:] = [output]

    handles = [module.register_forward_hook(record) for module in model.modules()]
    try:
        with torch.enable_grad():
            # The images require a gradient, so that frozen models have one as well.
            scores = score(model, images.detach().requires_grad_())
            maps = last[0]
            (gradient,) = torch.autograd.grad(scores.sum(), maps)
    finally:
        for handle in handles:
            handle.remove()
    return combine(maps.detach(), gradient)


def combine(maps: Tensor, gradient: Tensor) -> Tensor:
    """L from maps A and d y / d A, both (K, channels, rows, columns): (K, rows, columns)."""
    alpha = gradient.mean(dim=(2, 3), keepdim=True)
    return (alpha * maps).sum(dim=1).relu()

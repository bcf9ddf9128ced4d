"""Attention rollout (arXiv 2005.00928): how much of each patch reaches the class token through all layers.

    A'_l = (mean of heads A_l + I) / 2        the residual connection carries half
    R    = A'_L ... A'_2 A'_1                 rows sum to 1

It follows attention only: values, MLPs and the sign of a contribution are not in it.
"""

import torch
from torch import Tensor, nn

from bakeoff.models.vpt import PromptedTransformer
from bakeoff.pictures.attention import self_attention, to_patches


def rollout(model: nn.Module, images: Tensor) -> Tensor | None:
    """R's row of the class token on the patch grid, (K, rows, columns); None where it is not defined.

    It needs the same tokens in every layer: deep prompts are replaced from block to block.
    """
    if isinstance(model, PromptedTransformer) and len(model.prompts) > 1:
        return None
    layers = self_attention(model, images)
    if not layers or len({layer.shape[-1] for layer in layers}) > 1:
        return None
    return to_patches(model, roll(layers))


def roll(layers: list[Tensor]) -> Tensor:
    """R of the layers' weights (K, heads, N, N), first layer first: (K, N, N)."""
    n = layers[0].shape[-1]
    identity = torch.eye(n, device=layers[0].device)
    rolled = identity
    for weights in layers:
        rolled = (weights.mean(dim=1) + identity) / 2 @ rolled
    return rolled

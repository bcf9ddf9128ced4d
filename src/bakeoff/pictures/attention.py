"""The self-attention of a model on given images, layer by layer."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from bakeoff.models.attention import SelfAttention
from bakeoff.pictures.tokens import grid_of, timm_class


@torch.no_grad()
def self_attention(model: nn.Module, images: Tensor) -> list[Tensor]:
    """The weights of every self-attention in the order of use: each (K, heads, N, N), rows sum to 1.

    It knows the zoo's own layers and timm's Vision Transformers. Empty for a model without any, and for
    one whose layers do not take an image as one sequence (MobileViT makes four of it).
    """
    with (
        recording(model, timm_weights, timm_class("layers.attention", "Attention")) as timms,
        recording(model, SelfAttention.weights, SelfAttention) as ours,
    ):
        model(images)
    return [weights for weights in ours or timms if len(weights) == len(images)]


def timm_weights(layer: Any, tokens: Tensor) -> Tensor:
    """softmax(q k^T / sqrt(D_h)) of timm's layer, which keeps none: tokens (K, N, D) -> (K, heads, N, N)."""
    k, n, _ = tokens.shape
    qkv = layer.qkv(tokens).reshape(k, n, 3, layer.num_heads, layer.head_dim)
    queries, keys, _ = qkv.permute(2, 0, 3, 1, 4).unbind(0)
    queries, keys = layer.q_norm(queries), layer.k_norm(keys)
    weights: Tensor = (queries * layer.scale @ keys.transpose(-2, -1)).softmax(dim=-1)
    return weights


def to_patches(model: nn.Module, weights: Tensor) -> Tensor:
    """The attention behind the decision: weights (..., N, N) -> (..., rows, columns).

    It is the class token's row where there is one, else the mean over the rows of all patches.
    """
    n = weights.shape[-1]
    rows, columns = grid_of(model, n)
    before = n - rows * columns
    looked: Tensor = weights[..., 0, :] if before else weights.mean(dim=-2)
    return looked[..., before:].reshape(*looked.shape[:-1], rows, columns)


@contextmanager
def recording(
    model: nn.Module, weights: Callable[[Any, Tensor], Tensor], kind: type[nn.Module] | tuple[()]
) -> Iterator[list[Tensor]]:
    """Collect `weights(layer, its input)` of every call of a layer of this kind."""
    found: list[Tensor] = []

    def record(layer: nn.Module, given: tuple[Tensor, ...], _: object) -> None:
        found.append(weights(layer, given[0]))

    layers = [module for module in model.modules() if isinstance(module, kind)]
    handles = [layer.register_forward_hook(record) for layer in layers]
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()

"""The patch tokens of a model: the patch size, the grid, and the tokens before them."""

import sys
from dataclasses import dataclass
from typing import Any, cast

from torch import nn

from bakeoff.models.findings_decoder import EmitsFindings
from bakeoff.models.patches import PatchEmbedding, patch_grid
from bakeoff.models.recurrent import PatchRNN
from bakeoff.models.rnn_self_attention import RNNSelfAttention
from bakeoff.models.vision_transformer import Embedding


@dataclass(frozen=True)
class Patches:
    """Squares of `patch` pixels, one every `stride`, `grid` rows and columns of them."""

    patch: int
    stride: int
    grid: tuple[int, int]


def timm_class(module: str, name: str) -> type[Any] | tuple[()]:
    """A class of timm for isinstance, nothing where no model of timm was built: its import takes seconds."""
    home = sys.modules.get(f"timm.{module}")
    return () if home is None else cast(type[Any], getattr(home, name))


def timm_vit() -> type[Any] | tuple[()]:
    """The Vision Transformer of timm, if there is one."""
    return timm_class("models.vision_transformer", "VisionTransformer")


def patches_of(model: nn.Module, size: int) -> Patches | None:
    """How the model cuts images of `size` pixels; None where it does not cut them."""
    for module in model.modules():
        if isinstance(module, PatchEmbedding):
            return Patches(module.patch, module.stride, module.grid(size, size))
        if isinstance(module, timm_vit()) and hasattr(module.patch_embed, "patch_size"):
            patch = module.patch_embed.patch_size[0]
            return Patches(patch, patch, tuple(module.patch_embed.grid_size))
        if isinstance(module, PatchRNN | RNNSelfAttention) or (
            isinstance(module, EmitsFindings) and hasattr(module, "stride")
        ):
            patch = cast(int, module.patch)
            stride = cast(int | None, module.stride) or patch
            return Patches(patch, stride, patch_grid(size, size, patch, stride))
    return None


def grid_of(model: nn.Module, tokens: int) -> tuple[int, int]:
    """Rows and columns of the patch tokens among `tokens`; ValueError for an unknown grid.

    The patch tokens are the last ones: class token, registers and prompts come before them.
    """
    for module in model.modules():
        if isinstance(module, Embedding | EmitsFindings):
            return module.grid
        if isinstance(module, timm_vit()):
            rows, columns = module.patch_embed.grid_size
            return int(rows), int(columns)
    for before in (1, 0):
        side = round((tokens - before) ** 0.5)
        if side > 0 and side * side == tokens - before:
            return side, side
    raise ValueError(f"{tokens} tokens of a {type(model).__name__} form no known grid")

"""Masked-patch prediction: BERT's masked words (seed D0:789-825) on an image's patches.

Section 4.6 of arXiv 2010.11929 does it with mean colours; the pixels of the patch, normalised, are the
target of arXiv 2111.06377, and what is predicted here.
"""

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bakeoff.errors import ConfigError
from bakeoff.models.patches import PatchEmbedding, cut_patches, resize_positions
from bakeoff.models.registry import Targets
from bakeoff.models.vision_transformer import VisionTransformer
from bakeoff.pretraining.masking import draw

SMALLEST_VARIANCE = 1e-6  # of a patch, below which it is flat and its normalised pixels are zero


class MaskedPatches(nn.Module):
    """A ViT whose patches are partly hidden, and a linear layer that predicts their pixels.

    loss = mean over chosen patches p of |W LN(z_L^p) + b - x_p|^2 / (C P P)

    With `next_part`, half of the images get the lower half of another one, and the class token predicts
    which (BERT's "is this the next sentence?"); the loss is then the sum of both.
    """

    def __init__(
        self, vit: nn.Module, *, masked: float, normalise_target: bool, next_part: bool
    ) -> None:
        super().__init__()
        self.vit = _checked(vit)
        self.vit.head.requires_grad_(False)  # it predicts nothing here
        self.masked, self.normalise_target = masked, normalise_target
        width = self.vit.width
        channels = self.patches.projection.in_channels
        self.mask_token = nn.Parameter(torch.empty(width))
        nn.init.normal_(self.mask_token, std=0.02)
        self.predict = nn.Linear(width, channels * self.patches.patch**2)
        self.belongs = nn.Linear(width, 1) if next_part else None

    @property
    def patches(self) -> PatchEmbedding:
        """The patch embedding of the ViT."""
        return cast(PatchEmbedding, self.vit.embedding.patches)

    def objective(self, images: Tensor, targets: Targets) -> tuple[Tensor, Tensor]:
        """The loss () and each image's mean squared error over its chosen patches (B,).

        images (B, C, H, W); the targets are ignored: there are no labels.
        """
        mixed = None
        if self.belongs is not None:
            mixed = torch.rand(len(images), device=images.device) < 0.5
            if len(images) == 1:  # it has no other
                mixed = torch.zeros_like(mixed)
            images = exchange_lower_parts(images, mixed, self.patches.patch)
        tokens, chosen = self.encode(images)
        error = (self.predict(tokens[:, 1:]) - self.target(images)).square().mean(dim=2)  # (B, N)
        per_image = (error * chosen).sum(dim=1) / chosen.sum(dim=1)
        loss = per_image.mean()
        if self.belongs is not None and mixed is not None:
            logits = self.belongs(tokens[:, 0])[:, 0]
            loss = loss + F.binary_cross_entropy_with_logits(logits, (~mixed).to(logits.dtype))
        return loss, per_image

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Tokens LN(z_L) (B, 1 + N, D) of images with hidden patches, and the chosen ones, bool (B, N)."""
        vit, embedding = self.vit, self.vit.embedding
        b, _, height, width = images.shape
        patches = self.patches(vit.normalise(images))
        corruption = draw(b, patches.shape[1], self.masked, images.device)
        hidden = corruption.apply(patches, self.mask_token)
        tokens = torch.cat([embedding.class_token.expand(b, -1, -1), hidden], dim=1)
        # Positions are added after the masking: a masked patch keeps its position.
        positions = resize_positions(embedding.positions, self.patches.grid(height, width))
        z = embedding.dropout(tokens + positions)
        for block in vit.blocks:
            z = block(z)
        return vit.norm(z), corruption.chosen

    def target(self, images: Tensor) -> Tensor:
        """The target of every patch of images (B, C, H, W): (B, N, C P P)."""
        pixels = cut_patches(self.vit.normalise(images), self.patches.patch)
        if not self.normalise_target:
            return pixels
        variance, mean = torch.var_mean(pixels, dim=2, keepdim=True)
        return (pixels - mean) / (variance + SMALLEST_VARIANCE).sqrt()

    def pretrained(self) -> nn.Module:
        """The module whose weights a variant loads: the ViT without its head, under the same names."""
        parts = self.vit.named_children()
        return nn.ModuleDict({name: part for name, part in parts if name != "head"})


def exchange_lower_parts(images: Tensor, mixed: Tensor, patch: int) -> Tensor:
    """Give each image with `mixed` (B,) the lower half, in whole patches, of the one before it.

    images (B, C, H, W); the first image's other is the last.
    """
    middle = images.shape[2] // patch // 2 * patch
    others = images.roll(1, dims=0)
    lower = torch.where(mixed[:, None, None, None], others[:, :, middle:], images[:, :, middle:])
    return torch.cat([images[:, :, :middle], lower], dim=2)


def _checked(vit: nn.Module) -> VisionTransformer:
    """The model; ConfigError where it has no patches that can be hidden."""
    if not isinstance(vit, VisionTransformer) or not isinstance(
        patches := vit.embedding.patches, PatchEmbedding
    ):
        raise ConfigError(
            "masked-patch pretraining needs a Vision Transformer of the zoo over raw patches, such as "
            f"vit_b16; this model is a {type(vit).__name__}."
        )
    if patches.stride < patches.patch:
        raise ConfigError(
            f"patches of {patches.patch} pixels every {patches.stride} overlap: a hidden one would show "
            "in its neighbours. Pretrain without stride; the weights still fit a variant that has one."
        )
    return vit

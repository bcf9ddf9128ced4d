"""An image as a sequence: patches, their embedding, and what a learned position means at another size.

Seeds D2:604-671 (eq. 1), D3:98-136 and D0:832-848, where patches may overlap.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bakeoff.errors import ConfigError


class PatchEmbedding(nn.Module):
    """x_p E of eq. 1: images (B, C, H, W) -> (B, N, D), patches row by row from the top left.

    A convolution whose kernel is the patch is the same product: its weight, (D, C, P, P), holds the
    columns of E in R^(P^2 C x D). A `stride` below the patch size gives overlapping patches. Pixels that
    no whole patch reaches, at the right and bottom edges, are not seen.
    """

    def __init__(self, channels: int, width: int, patch: int, stride: int | None = None) -> None:
        super().__init__()
        self.patch = patch
        self.stride = stride or patch
        self.projection = nn.Conv2d(channels, width, patch, stride=self.stride)

    def forward(self, images: Tensor) -> Tensor:
        """Images (B, C, H, W) to patch tokens (B, N, D)."""
        maps: Tensor = self.projection(images)  # (B, D, rows, columns)
        return maps.flatten(2).transpose(1, 2)

    def grid(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of patches that `forward` makes of an image of that size."""
        return patch_grid(height, width, self.patch, self.stride)


def patch_grid(height: int, width: int, patch: int, stride: int | None = None) -> tuple[int, int]:
    """Rows and columns of whole patches in an image; N is their product.

    Raises ConfigError where not even one patch fits.
    """
    step = stride or patch
    rows, columns = ((side - patch) // step + 1 for side in (height, width))
    if rows < 1 or columns < 1:
        raise ConfigError(
            f"an image of {height} x {width} pixels holds no patch of {patch} x {patch}: "
            "raise image.size or choose a smaller patch."
        )
    return rows, columns


def cut_patches(images: Tensor, patch: int, stride: int | None = None) -> Tensor:
    """Raw patches as vectors, x_p of eq. 1: (B, C, H, W) -> (B, N, C * P * P), channel by channel."""
    return F.unfold(images, patch, stride=stride or patch).transpose(1, 2)


def resize_positions(positions: Tensor, grid: tuple[int, int], *, prefix: int = 1) -> Tensor:
    """Position embeddings for another grid: (1, prefix + n, D) -> (1, prefix + rows * columns, D).

    The first `prefix` positions (the class token's) stay; the others, taken as a square, are
    interpolated by their place in the image: bicubic with antialiasing, as timm does (arXiv 2010.11929,
    section 3.2). The same grid is returned untouched. Raises ConfigError if they are no square.
    """
    kept, spatial = positions[:, :prefix], positions[:, prefix:]
    _, n, d = spatial.shape
    rows, columns = grid
    side = math.isqrt(n)
    if side * side != n:
        raise ConfigError(
            f"{n} position embeddings form no square grid: they cannot be interpolated."
        )
    if (rows, columns) == (side, side):
        return positions
    maps = spatial.reshape(1, side, side, d).permute(0, 3, 1, 2)
    resized = F.interpolate(maps.float(), size=grid, mode="bicubic", antialias=True)
    flat = resized.to(positions.dtype).permute(0, 2, 3, 1).reshape(1, rows * columns, d)
    return torch.cat([kept, flat], dim=1)

"""What happens to a batch of packed images before the model sees it: rotation, then min-max scaling.

Both run on the tensor, on the device that trains (seed D0:170-190 does the same with PIL per image).
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def draw_angles(
    count: int, *, degrees: float, probability: float, generator: torch.Generator
) -> Tensor:
    """Rotation angles in radians, float32 (count,): zero for the images that are not rotated."""
    chosen = torch.rand(count, generator=generator) < probability
    angles = (torch.rand(count, generator=generator) * 2 - 1) * math.radians(degrees)
    return torch.where(chosen, angles, torch.zeros(()))


def rotate(images: Tensor, angles: Tensor) -> Tensor:
    """Rotate each image about its centre; what comes from outside is black, as in the seed.

    images: float (B, C, H, W); angles: float (B,), radians, counter-clockwise. Bilinear.
    """
    rotated = angles != 0
    if not bool(rotated.any()):
        return images
    cos, sin, zero = angles.cos(), angles.sin(), torch.zeros_like(angles)
    # affine_grid maps output to input coordinates: the inverse rotation, image rows pointing down.
    theta = torch.stack(
        [torch.stack([cos, -sin, zero], dim=1), torch.stack([sin, cos, zero], dim=1)], dim=1
    )
    grid = F.affine_grid(theta[rotated], list(images[rotated].shape), align_corners=False)
    turned = F.grid_sample(images[rotated], grid, align_corners=False, padding_mode="zeros")
    result = images.clone()
    result[rotated] = turned
    return result


def scale(images: Tensor, channels: int) -> Tensor:
    """Scale each image to 0..1 by its own extremes: uint8 or float (B, 1, H, W) -> (B, channels, H, W).

    (x - min) / (max - min + 1e-4), the seed's formula; a constant image becomes zeros, never NaN.
    """
    images = images.float()
    low = images.amin(dim=(1, 2, 3), keepdim=True)
    high = images.amax(dim=(1, 2, 3), keepdim=True)
    return ((images - low) / (high - low + 1e-4)).expand(-1, channels, -1, -1)

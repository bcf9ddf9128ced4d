"""From packed pixels to what a model is given: float, in its number of channels, normalised."""

from functools import cache

import torch
from torch import Tensor

from bakeoff.config.schema import Image, Statistics
from bakeoff.training.transfer import to_device

WHITE = 255.0


def normalise(images: Tensor, image: Image) -> Tensor:
    """What a model is given of images (B, 1 or 3, H, W) in 0..255, uint8 or float: float (B, channels, H, W).

    By `image.normalise`: each image's own extremes, x / 255, or that less a mean over a spread.
    """
    if image.normalise == "min-max":
        return scale(images, image.channels)
    shares = (images.float() / WHITE).expand(-1, image.channels, -1, -1)
    if not isinstance(image.normalise, Statistics):
        return shares
    mean = _of_each_colour(image.normalise.mean, images.device)
    return (shares - mean) / _of_each_colour(image.normalise.std, images.device)


@cache
def _of_each_colour(values: tuple[float, ...], device: torch.device) -> Tensor:
    """Float (1, C, 1, 1), kept: a CUDA graph cannot copy it from here."""
    return to_device(torch.tensor(values), device).view(1, -1, 1, 1)


def scale(images: Tensor, channels: int) -> Tensor:
    """Scale each image to 0..1 by its own extremes: uint8 or float (B, 1 or 3, H, W) -> (B, channels, H, W).

    (x - min) / (max - min + 1e-4), the seed's formula, over all colours together; a constant image becomes
    zeros, never NaN.
    """
    images = images.float()
    low = images.amin(dim=(1, 2, 3), keepdim=True)
    high = images.amax(dim=(1, 2, 3), keepdim=True)
    return (images - low).div_(high - low + 1e-4).expand(-1, channels, -1, -1)


def channels_first(pixels: Tensor) -> Tensor:
    """Packed pixels (B, H, W) or (B, H, W, 3) as (B, 1, H, W) or (B, 3, H, W), contiguous."""
    if pixels.ndim == 3:
        return pixels.unsqueeze(1)
    return pixels.permute(0, 3, 1, 2).contiguous()

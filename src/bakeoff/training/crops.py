"""Random resized crops of training images: which part of each, and that part at the image's size."""

import math

import torch
from torch import Tensor

from bakeoff.config.schema import Crop

TRIES = 10  # for a part that fits; then, as in torchvision, the middle


def draw_boxes(count: int, size: int, crop: Crop, generator: torch.Generator) -> Tensor:
    """The part of each image of `size` pixels a side: int64 (count, 4), its top, left, height and width.

    As torchvision's RandomResizedCrop draws it; (0, 0, size, size) for the images that are not cropped.
    """

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        drawn = torch.rand(count, *shape, dtype=torch.float64, generator=generator)
        return low + (high - low) * drawn

    chosen = uniform(0, 1) < crop.probability
    areas = uniform(*crop.scale, TRIES) * size**2
    ratios = uniform(math.log(crop.ratio[0]), math.log(crop.ratio[1]), TRIES).exp()
    places = uniform(0, 1, 2)
    sides = torch.stack([(areas / ratios).sqrt(), (areas * ratios).sqrt()], dim=2).round()
    fits = ((sides > 0) & (sides <= size)).all(dim=2)
    first = fits.int().argmax(dim=1)  # of equal ones the first
    found = sides[torch.arange(count), first]
    # A whole square is too wide, or too high, only for ratios that leave 1 out.
    middle = torch.tensor([size / max(1, crop.ratio[0]), size * min(1, crop.ratio[1])]).round()
    none = ~fits.any(dim=1)
    found[none], places[none] = middle.to(found), 0.5
    corners = (places * (size - found + 1)).floor()
    corners[none] = ((size - found[none]) / 2).floor()
    boxes = torch.cat([corners, found], dim=1).long()
    boxes[~chosen] = torch.tensor([0, 0, size, size])
    return boxes


def crop(images: Tensor, boxes: Tensor, size: int | None = None) -> Tensor:
    """The box, int64 (B, 4), of each image, float (B, C, S, S), at `size` pixels (by default S): bilinear."""
    from torchvision.transforms.v2 import functional as transforms  # takes a second to import

    b, channels, height, width = images.shape
    size = size or height
    result = images.clone() if size == height else images.new_empty(b, channels, size, size)
    for at, box in enumerate(map(tuple, boxes.tolist())):
        if size != height or box != (0, 0, height, width):
            result[at] = transforms.resized_crop(images[at], *box, size=[size, size])
    return result

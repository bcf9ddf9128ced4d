"""What happens to a batch of training images before it is normalised: cropped, flipped, rotated, recoloured.

All of it runs on the tensor, on the device that trains (seed D0:170-190 rotates with PIL, per image), by
torchvision's transforms where they take one. What is drawn is a function of (seed, epoch, step) for the
whole batch, however many processes share it.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

from bakeoff.config.schema import Image
from bakeoff.training.crops import crop, draw_boxes
from bakeoff.training.jitter import DrawnJitter, change_colours, draw_jitter
from bakeoff.training.randomness import generator
from bakeoff.training.scaling import normalise, normalise_each
from bakeoff.training.transfer import to_device


@dataclass(frozen=True)
class Augmentation:
    """What was drawn for each image of a batch; None is what the configuration leaves out."""

    angles: Tensor  # float (B,), radians
    boxes: Tensor | None = None  # int64 (B, 4): top, left, height, width
    flipped: Tensor | None = None  # bool (B,)
    jitter: DrawnJitter | None = None
    size: int | None = None  # of what comes out, in pixels a side; None is that of what goes in

    @classmethod
    def draw(
        cls, count: int, image: Image, side: int, seed: int, epoch: int, step: int
    ) -> "Augmentation":
        """Draw for the `count` images, of `side` pixels, of a step's whole batch."""

        def random(what: str) -> torch.Generator:
            return generator(seed, what, epoch, step)

        spin, part, flip, jitter = image.rotate, image.crop, image.flip, image.jitter
        return cls(
            draw_angles(
                count,
                degrees=spin.degrees,
                probability=spin.probability,
                generator=random("rotate"),
            ),
            draw_boxes(count, side, part, random("crop")) if part else None,
            torch.rand(count, generator=random("flip")) < flip.probability if flip else None,
            draw_jitter(count, jitter, random("jitter")) if jitter else None,
            image.size,
        )

    def of(self, rows: Tensor | slice) -> "Augmentation":
        """What was drawn for some of the images: a process's share."""
        return Augmentation(
            self.angles[rows],
            None if self.boxes is None else self.boxes[rows],
            None if self.flipped is None else self.flipped[rows],
            None if self.jitter is None else self.jitter.of(rows),
            self.size,
        )

    def on(self, device: torch.device) -> "Augmentation":
        """The same, on the device as far as tensors are used there; boxes and colours are read here."""
        flipped = None if self.flipped is None else to_device(self.flipped, device)
        return replace(self, angles=to_device(self.angles, device), flipped=flipped)

    @property
    def is_uniform(self) -> bool:
        """Whether the same operations happen to every batch: only turns and flips."""
        return self.boxes is None and self.jitter is None

    def apply(self, images: Tensor) -> Tensor:
        """Images, uint8 or float (B, C, S, S), as they are trained on: (B, C, size, size) in 0..255.

        Float, unless nothing but flips happens to a batch of uint8.
        """
        if self.boxes is not None:
            images = crop(images.float(), self.boxes, self.size)
        images = turn(images, self.angles, self.flipped)
        return images if self.jitter is None else change_colours(images.float(), self.jitter)


def augmented_input(pixels: Tensor, drawn: Augmentation, image: Image) -> Tensor:
    """What a model is given of images uint8 (B, 1 or 3, S, S): float (B, channels, size, size).

    On the CPU image by image, which gives the same bits (`normalise_each`).
    """
    if pixels.device.type != "cpu":
        return normalise(drawn.apply(pixels), image)
    parts = [slice(at, at + 1) for at in range(len(pixels))]
    each = (drawn.of(one).apply(pixels[one])[0] for one in parts)
    return normalise_each(each, len(pixels), image)


def turn(images: Tensor, angles: Tensor, flipped: Tensor | None = None) -> Tensor:
    """Images (B, C, S, S), flipped where `flipped` is set, bool (B,), then rotated by `angles` (B,)."""
    return rotate(images if flipped is None else flip(images, flipped), angles)


def flip(images: Tensor, flipped: Tensor) -> Tensor:
    """Exchange left and right of the images, (B, C, H, W), that are `flipped`, bool (B,)."""
    from torchvision.transforms.v2 import functional as transforms  # takes a second to import

    mirrored: Tensor = transforms.horizontal_flip(images)
    return torch.where(to_device(flipped, images.device)[:, None, None, None], mirrored, images)


def draw_angles(
    count: int, *, degrees: float, probability: float, generator: torch.Generator
) -> Tensor:
    """Rotation angles in radians, float32 (count,): zero for the images that are not rotated."""
    chosen = torch.rand(count, generator=generator) < probability
    angles = (torch.rand(count, generator=generator) * 2 - 1) * math.radians(degrees)
    return torch.where(chosen, angles, torch.zeros(()))


def rotate(images: Tensor, angles: Tensor) -> Tensor:
    """Rotate each image about its centre; what comes from outside is black, as in the seed.

    images: uint8 or float (B, C, H, W); angles: float (B,), radians, counter-clockwise. Bilinear; float
    where any image turns.
    """
    if images.device.type == "cuda":
        return rotate_all(images.float(), to_device(angles, images.device))
    turns = angles.tolist()
    if not any(turns):
        return images
    parts = [slice(at, at + 1) for at in range(len(images))]
    turned = [
        _turn(images[one].float(), angles[one]) if turn else images[one].float()
        for one, turn in zip(parts, turns, strict=True)
    ]
    return turned[0] if len(turned) == 1 else torch.cat(turned)


def rotate_all(images: Tensor, angles: Tensor) -> Tensor:
    """The same, with angles on the device, which is not asked which images turn: `where` picks."""
    return torch.where((angles != 0)[:, None, None, None], _turn(images, angles), images)


def _turn(images: Tensor, angles: Tensor) -> Tensor:
    """Every image, float (B, C, H, W), turned by its angle, float (B,)."""
    height, width = images.shape[2:]
    x, y = _places(height, width, images.device)
    grid = _way(height, width, images.device)(x, y, angles.cos()[:, None], angles.sin()[:, None])
    turned = grid.view(len(images), height, width, 2)
    return F.grid_sample(images, turned, align_corners=False, padding_mode="zeros")


# Where each pixel is taken from, (x cos - y sin, x sin + y cos): the inverse rotation, rows pointing down.
# The bits are those of F.affine_grid, a matrix product of three terms a pixel that takes thrice the time, and
# that a GPU may round to TF32, a quarter of a pixel. Whether it rounds between the terms depends on the
# processor: it does on an AMD without AVX-512, and does not on one that has it.

_Way = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
"""From x (W,), y (H,) and the cosines and sines (B, 1) of the angles: places, float (B, H, W * 2)."""


def _terms(x: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor]:
    """What x adds to a place, and what y is multiplied by, both (B, 1, W * 2)."""
    across = torch.stack([x * cos, x * sin], dim=2).flatten(1)
    down = torch.stack([-sin, cos], dim=2).expand(-1, len(x), -1).flatten(1)
    return across[:, None], down[:, None]


def _rounded_once(x: Tensor, y: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    across, down = _terms(x, cos, sin)
    return torch.addcmul(across, y[:, None], down)


def _rounded_twice(x: Tensor, y: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    across, down = _terms(x, cos, sin)
    return (y[:, None] * down).add_(across)


def _by_matrix(x: Tensor, y: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    zero = torch.zeros_like(cos)
    theta = torch.cat([cos, -sin, zero, sin, cos, zero], dim=1).view(-1, 2, 3)
    return F.affine_grid(theta, [len(cos), 1, len(y), len(x)], align_corners=False).flatten(2)


@cache
def _way(height: int, width: int, device: torch.device) -> _Way:
    """The fastest way to the bits of F.affine_grid on this processor; a GPU never had other bits."""
    if device.type != "cpu":
        return _rounded_once
    x, y = _places(height, width, device)
    angles = torch.tensor([[0.1], [-0.17], [3.0]])
    tried = (x, y, angles.cos(), angles.sin())
    expected = _by_matrix(*tried)
    ways = (_rounded_once, _rounded_twice)
    return next((way for way in ways if torch.equal(way(*tried), expected)), _by_matrix)


@cache  # for good: captured steps read them where they are
def _places(height: int, width: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Coordinates x (W,) of an image's columns and y (H,) of its rows, float in -1..1."""
    identity = torch.tensor([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]])
    xy = F.affine_grid(identity, [1, 1, height, width], align_corners=False)[0]
    return to_device(xy[0, :, 0].clone(), device), to_device(xy[:, 0, 1].clone(), device)

"""Random colours of training images: brightness, contrast, saturation and hue, in a random order."""

from dataclasses import dataclass

import torch
from torch import Tensor

from bakeoff.config.schema import Jitter
from bakeoff.training.scaling import WHITE

PARTS = ("brightness", "contrast", "saturation", "hue")


@dataclass(frozen=True)
class DrawnJitter:
    """What happens to the colours of each image of a batch; torchvision's ColorJitter draws it so."""

    chosen: Tensor  # bool (B,)
    amounts: (
        Tensor  # float (B, 4): factors of brightness, contrast, saturation; the turn of the hue
    )
    order: Tensor  # int64 (B, 4), numbers of PARTS
    parts: tuple[bool, ...]  # which of PARTS are jittered at all

    def of(self, rows: Tensor | slice) -> "DrawnJitter":
        """What was drawn for some of the images."""
        return DrawnJitter(self.chosen[rows], self.amounts[rows], self.order[rows], self.parts)


def draw_jitter(count: int, jitter: Jitter, generator: torch.Generator) -> DrawnJitter:
    """Draw for `count` images: a factor in 1 - x .. 1 + x, a hue in -x .. x, an order of the four."""
    widths = torch.tensor([getattr(jitter, part) for part in PARTS], dtype=torch.float64)
    centres = torch.tensor([1.0, 1.0, 1.0, 0.0], dtype=torch.float64)
    chosen = torch.rand(count, generator=generator) < jitter.probability
    drawn = torch.rand(count, len(PARTS), dtype=torch.float64, generator=generator)
    order = torch.rand(count, len(PARTS), generator=generator).argsort(dim=1)
    amounts = centres + (2 * drawn - 1) * widths
    return DrawnJitter(chosen, amounts, order, tuple((widths > 0).tolist()))


def change_colours(images: Tensor, drawn: DrawnJitter) -> Tensor:
    """Change the colours of images, float (B, 1 or 3, H, W) in 0..255, each by what was drawn for it.

    Grey images have neither saturation nor hue.
    """
    from torchvision.transforms.v2 import functional as transforms  # takes a second to import

    adjust = [getattr(transforms, f"adjust_{part}") for part in PARTS]
    result = images.clone()
    for at in drawn.chosen.nonzero()[:, 0].tolist():
        image, amounts = images[at] / WHITE, drawn.amounts[at].tolist()
        for part in drawn.order[at].tolist():
            if drawn.parts[part]:
                image = adjust[part](image, amounts[part])
        result[at] = image * WHITE
    return result

"""The section `image`: what a model is given, and what training images go through before."""

import math
from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from bakeoff.config.packing import Packing
from bakeoff.config.schema.section import Section


class Rotate(Section):
    """Random rotation of training images (as in Lab 5: 30 % of the images, up to 10 degrees)."""

    degrees: float = Field(10.0, ge=0, le=180)
    probability: float = Field(0.3, ge=0, le=1)


class Crop(Section):
    """A random part of a training image at the image's size: torchvision's RandomResizedCrop."""

    scale: tuple[float, float] = (0.08, 1.0)  # share of the area, from and to
    ratio: tuple[float, float] = (3 / 4, 4 / 3)  # width by height, from and to
    probability: float = Field(1.0, ge=0, le=1)
    pixels: int | None = Field(
        None, ge=16, le=4096
    )  # per side of the image that parts are taken from

    @model_validator(mode="after")
    def _ranges_are_in_order(self) -> "Crop":
        if not 0 < self.scale[0] <= self.scale[1] <= 1:
            raise ValueError(
                f"'scale' is from and to, shares of the area in 0..1, found {list(self.scale)}"
            )
        if not 0 < self.ratio[0] <= self.ratio[1]:
            raise ValueError(f"'ratio' is from and to, above 0, found {list(self.ratio)}")
        return self


class Flip(Section):
    """Left and right exchanged in some training images."""

    probability: float = Field(0.5, ge=0, le=1)


class Jitter(Section):
    """Random colours of training images: torchvision's ColorJitter, by timm's strengths."""

    brightness: float = Field(0.4, ge=0, le=1)  # a factor of 0.6 to 1.4
    contrast: float = Field(0.4, ge=0, le=1)
    saturation: float = Field(0.4, ge=0, le=1)
    hue: float = Field(0.0, ge=0, le=0.5)  # of the circle of hues, to either side
    probability: float = Field(1.0, ge=0, le=1)


class Statistics(Section):
    """The mean and spread of each channel in 0..1, by which images are normalised."""

    mean: tuple[Annotated[float, Field(ge=0, le=1)], ...] = Field(min_length=1, max_length=3)
    std: tuple[Annotated[float, Field(gt=0)], ...] = Field(min_length=1, max_length=3)


def _kind(value: Any) -> str:
    return "statistics" if isinstance(value, dict | Statistics) else "named"


Normalise = Annotated[
    Annotated[Literal["min-max", "unit"], Tag("named")] | Annotated[Statistics, Tag("statistics")],
    Discriminator(_kind),
]
"""min-max: by each image's own extremes, of all its colours together; unit: x / 255; else by statistics."""


class Image(Section):
    """The input of a model: a square image of `size` pixels."""

    size: int = Field(512, ge=16, le=2048)  # pixels per side
    channels: Literal[1, 3] = 1  # 3 keeps colours and repeats grey, 1 makes colours grey
    fit: Literal["squeeze", "crop"] = "squeeze"  # what is not square
    crop_pct: float = Field(0.875, gt=0, le=1)  # `fit: crop`: how much of the shorter side is kept
    normalise: Normalise = "min-max"  # min-max, unit (x / 255), or mean and std
    rotate: Rotate = Rotate()
    crop: Crop | None = None  # of training images, as all below
    flip: Flip | None = None
    jitter: Jitter | None = None

    @model_validator(mode="after")
    def _keys_go_together(self) -> "Image":
        if self.fit != "crop" and self.crop_pct != Image.model_fields["crop_pct"].default:
            raise ValueError("'crop_pct' means something with 'fit: crop' only: set it, too")
        if self.crop is not None and (self.crop.pixels or self.size) < self.size:
            raise ValueError(
                f"'crop.pixels' is {self.crop.pixels}, less than 'size', {self.size}: parts are taken of an "
                "image that is at least as large as they are to be"
            )
        if isinstance(by := self.normalise, Statistics):
            found = {"mean": len(by.mean), "std": len(by.std)}
            if wrong := [key for key, count in found.items() if count != self.channels]:
                numbers = f"{found[wrong[0]]} number{'s' * (found[wrong[0]] > 1)}"
                raise ValueError(
                    f"'normalise.{wrong[0]}' has {numbers}, and there are {self.channels} channels: give "
                    "one number per channel, or set 'channels'"
                )
        return self

    @property
    def packing(self) -> Packing:
        """How its images are packed."""
        crop_pct = self.crop_pct if self.fit == "crop" else None
        return Packing(self.size, self.channels == 3, crop_pct)

    @property
    def training_packing(self) -> Packing:
        """How the images to train on are packed: with more to take from where random parts are taken.

        With `fit: crop` the whole square of the shorter side, as training in torchvision and timm has all of
        the image and evaluation its middle: what it shows is then as large in the parts as in the middle.
        """
        if self.crop is None:
            return self.packing
        if self.fit != "crop":
            return replace(self.packing, size=self.crop.pixels or self.size)
        whole = math.floor(self.size / self.crop_pct)
        return replace(self.packing, size=self.crop.pixels or whole, crop_pct=1.0)

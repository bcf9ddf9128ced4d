"""The section `image`: what a model is given."""

from typing import Literal

from pydantic import Field

from bakeoff.config.schema.section import Section


class Rotate(Section):
    """Random rotation of training images (as in Lab 5: 30 % of the images, up to 10 degrees)."""

    degrees: float = Field(10.0, ge=0, le=180)
    probability: float = Field(0.3, ge=0, le=1)


class Image(Section):
    """The input of a model: a square image of `size` pixels."""

    size: int = Field(512, ge=16, le=2048)
    channels: Literal[1, 3] = 1
    rotate: Rotate = Rotate()

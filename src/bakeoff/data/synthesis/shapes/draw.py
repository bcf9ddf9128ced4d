"""A coloured shape on a coloured ground, pixel by pixel; in grey, its hue cannot be told.

A hue is a direction in which the luma of ITU-R BT.601, Pillow's grey value, stays what it is, and lumas are
drawn without regard to hues. So a model that sees grey values can know the shape and nothing else.
"""

import numpy as np
from numpy.typing import NDArray

from bakeoff.data.synthesis.shapes.outlines import coverage, outline
from bakeoff.data.synthesis.shapes.plan import Picture

LUMA = np.array([0.299, 0.587, 0.114])
# Both change no luma: from green to red, and from yellow to blue.
REDDER = np.array([1, -LUMA[0] / LUMA[1], 0])
BLUER = np.array([0, -LUMA[2] / LUMA[1], 1])

REDNESS = {"red": 1.0, "green": -1.0, None: 0.0}
# Together they leave the noise room to 0 and 255: a clipped red would darken its grey value.
STRENGTH = (32, 46)  # of a shape's red or green, in grey values of the red channel
TINT = 14  # at most, of a shape's blue or yellow, and of the ground in both directions
GROUND_LUMA = (112, 142)
CONTRAST = (28, 44)  # in luma, brighter or darker than the ground
SLOPE = 12  # at most, of the ground's luma from the centre to an edge
RADIUS = (0.26, 0.40)  # of the side
NOISE = 6.0  # standard deviation, of each pixel and channel alone


def draw(picture: Picture, size: int, seed: int) -> NDArray[np.uint8]:
    """The picture as RGB (size, size, 3); the same picture and seed give the same bits."""
    rng = np.random.default_rng([seed, picture.number])
    radius = size * rng.uniform(*RADIUS)
    centre = rng.uniform(radius, size - radius, 2)
    covered = coverage(centre + radius * outline(picture.shape, rng), size)[..., None]
    luma = rng.uniform(*GROUND_LUMA)
    colours = _ground(luma, size, rng)
    shape = luma + rng.choice([-1, 1]) * rng.uniform(*CONTRAST)
    redness = REDNESS[picture.colour] * rng.uniform(*STRENGTH)
    fill = shape + redness * REDDER + rng.uniform(-TINT, TINT) * BLUER
    colours += covered * (fill - colours)
    colours += rng.normal(0, NOISE, colours.shape)
    return np.clip(np.rint(colours), 0, 255).astype(np.uint8)


def _ground(luma: float, size: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """A plane that changes slowly in brightness and hue across the picture: (size, size, 3)."""
    y, x = (np.mgrid[:size, :size] + 0.5) / size * 2 - 1  # -1..1
    angle = rng.uniform(0, 2 * np.pi)
    along = (np.cos(angle) * x + np.sin(angle) * y)[..., None] / np.sqrt(2)
    ground: NDArray[np.float64] = luma + rng.uniform(-SLOPE, SLOPE) * along
    for hue in (REDDER, BLUER):
        one, other = rng.uniform(-TINT, TINT, 2)
        ground = ground + (one + (other - one) * (along + 1) / 2) * hue
    return ground

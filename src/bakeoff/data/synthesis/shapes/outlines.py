"""Outlines of shapes as polygons around the origin, and how much of each pixel one covers."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

OVERSAMPLING = 4
"""Coverage is counted on so many points along the side of a pixel."""

STAR_POINTS = 5
STAR_DEPTH = 0.45  # the inner radius as a share of the outer one
TURN = 0.3  # radians at most to either side: small networks learn from few pictures
UNEVENNESS = 0.22  # of a blob's radius, at most, in each of three waves around it

Outline = NDArray[np.float64]


def outline(shape: str | None, rng: np.random.Generator) -> Outline:
    """The polygon (n, 2) of a shape, turned a little, none of it outside the unit circle; None: a blob."""
    turn = rng.uniform(-TURN, TURN)
    if shape == "square":
        return _points(np.ones(4), np.pi / 4 + turn)
    if shape == "star":
        return _points(np.tile([1, STAR_DEPTH], STAR_POINTS), turn)
    radius = np.ones(64)
    if shape is None:
        angle = np.arange(64) * 2 * np.pi / 64
        for waves in (2, 3, 5):
            strength, phase = rng.uniform(0, UNEVENNESS), rng.uniform(0, 2 * np.pi)
            radius += strength * np.sin(waves * angle + phase)
    return _points(radius / radius.max(), turn)


def _points(radius: NDArray[np.float64], turn: float) -> Outline:
    angle = turn + np.arange(len(radius)) * 2 * np.pi / len(radius)
    around: Outline = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return radius[:, None] * around


def coverage(polygon: Outline, size: int) -> NDArray[np.float64]:
    """The share 0..1 of each pixel that the polygon, in pixels, covers: (size, size)."""
    canvas = Image.new("L", (size * OVERSAMPLING, size * OVERSAMPLING))
    corners = [(float(x), float(y)) for x, y in polygon * OVERSAMPLING]
    ImageDraw.Draw(canvas).polygon(corners, fill=255)
    return np.asarray(canvas.reduce(OVERSAMPLING), dtype=np.float64) / 255

"""Soft-edged shapes on a square grid: outlines in chest coordinates become planes of 0..1."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

Plane = npt.NDArray[np.float32]
Points = npt.NDArray[np.float64]


SHARPEST = 1.5  # in pixels: an edge blurred by less shows its steps


@dataclass(frozen=True)
class Pose:
    """How the chest lies on the detector: angle in degrees, zoom as a factor, shift in image widths."""

    angle: float = 0.0
    zoom: float = 1.0
    shift: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True)
class Canvas:
    """A grid of `side` x `side` pixels on which chest coordinates (x right, y down, 0..1) are posed."""

    side: int
    pose: Pose = Pose()

    def fill(self, *outlines: Points, blur: float) -> Plane:
        """The union of closed outlines, each (N, 2), with an edge blurred by `blur` image widths."""
        image = self._blank(blur)
        draw = ImageDraw.Draw(image)
        for outline in outlines:
            draw.polygon(self._pixels(outline, image.width), fill=255)
        return self._plane(image, blur)

    def stroke(self, paths: Iterable[tuple[Points, float]], blur: float) -> Plane:
        """Lines along paths of (N, 2) points, each with its width in image widths."""
        image = self._blank(blur)
        draw = ImageDraw.Draw(image)
        for points, width in paths:
            pixels = max(1, round(width * image.width * self.pose.zoom))
            draw.line(self._pixels(points, image.width), fill=255, width=pixels)
        return self._plane(image, blur)

    def spots(self, spots: Iterable[tuple[float, float, float]], blur: float) -> Plane:
        """Discs given as (x, y, radius)."""
        return self.fill(*(ellipse(x, y, radius, radius) for x, y, radius in spots), blur=blur)

    def cloud(self, rng: np.random.Generator, cells: int) -> Plane:
        """Smooth random values of about 0..1 whose patches measure about 1 / `cells` of the image."""
        return self.enlarge(rng.random((cells + 2, cells + 2), dtype=np.float32))

    def coarser(self) -> "Canvas":
        """The same view with a quarter of the pixels a side, for what is blurred by 0.012 or more."""
        return replace(self, side=self.side // 4)

    def enlarge(self, plane: Plane) -> Plane:
        """A plane of another size on this grid."""
        fine = Image.fromarray(plane).resize((self.side, self.side), Image.Resampling.BICUBIC)
        return np.asarray(fine)

    def below(self, y: float, softness: float) -> Plane:
        """A column (side, 1): 0 above the height `y`, 1 from `softness` below it, whatever the pose."""
        rows = (np.arange(self.side, dtype=np.float32)[:, None] + 0.5) / self.side
        return np.clip((rows - np.float32(y)) / np.float32(softness), 0, 1)

    def _blank(self, blur: float) -> Image.Image:
        """An empty image, the coarser the softer its shapes will be: blurring is what drawing costs."""
        side = self.side
        while side > 64 and blur * side >= 2 * SHARPEST:
            side //= 2
        return Image.new("L", (side, side))

    def _pixels(self, points: Points, side: int) -> list[tuple[float, float]]:
        turn = np.deg2rad(self.pose.angle)
        rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        posed = (points - 0.5) @ rotation.T * self.pose.zoom + 0.5 + np.array(self.pose.shift)
        return [(x, y) for x, y in (posed * side).tolist()]

    def _plane(self, image: Image.Image, blur: float) -> Plane:
        sigma = blur * image.width
        if image.width == self.side:
            # A box of the same spread: a third of the cost, and no eye tells them apart so small.
            blurred = image.filter(ImageFilter.BoxBlur(sigma * 3**0.5))
        else:
            blurred = image.filter(ImageFilter.GaussianBlur(sigma))
            blurred = blurred.resize((self.side, self.side), Image.Resampling.BICUBIC)
        return np.asarray(blurred, dtype=np.float32) / np.float32(255)


def curve(knots: Sequence[tuple[float, float]], *, closed: bool = False, steps: int = 8) -> Points:
    """A Catmull-Rom spline through the knots, as ((N or N - 1) * steps, 2) points."""
    through = np.asarray(knots, dtype=np.float64)
    if closed:
        before, after = through[-1:], through[:2]
    else:
        before, after = through[:1], through[-1:]
    p = np.concatenate([before, through, after])
    t = np.linspace(0, 1, steps, endpoint=False)[:, None, None]
    p0, p1, p2, p3 = p[:-3], p[1:-2], p[2:-1], p[3:]
    bends = 2 * p0 - 5 * p1 + 4 * p2 - p3
    cubes = 3 * p1 - p0 - 3 * p2 + p3
    points = 0.5 * (2 * p1 + (p2 - p0) * t + bends * t**2 + cubes * t**3)
    path = points.transpose(1, 0, 2).reshape(-1, 2)
    return path if closed else np.concatenate([path, through[-1:]])


def ellipse(x: float, y: float, across: float, down: float, *, knots: int = 24) -> Points:
    """An ellipse around (x, y) with the two half-axes, as (knots, 2) points."""
    turn = np.linspace(0, 2 * np.pi, knots, endpoint=False)
    return np.stack([x + across * np.cos(turn), y + down * np.sin(turn)], axis=1)

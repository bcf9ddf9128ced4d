"""From density to a film: exposure, scatter, the radiographer's marker, tubes, noise."""

from statistics import NormalDist

import numpy as np
import numpy.typing as npt
from PIL import Image

from bakeoff.data.synthesis.canvas import Canvas, Plane, Points, Pose, curve

# Normal noise of one grey level, by its 256 quantiles: a table is five times as fast as a normal draw.
NOISE = np.array([round(NormalDist().inv_cdf((i + 0.5) / 256)) for i in range(256)], dtype=np.int8)
MOST = int(NOISE.max())


def pose(portable: bool, rng: np.random.Generator) -> Pose:
    """How a patient stands, or lies less straight, before the detector."""
    loose = 1.6 if portable else 1.0
    return Pose(
        angle=float(rng.normal(0, 1.5 * loose)),
        zoom=float(rng.uniform(0.95, 1.08)),
        shift=(float(rng.normal(0, 0.012 * loose)), float(rng.normal(0.01, 0.015 * loose))),
    )


def expose(
    density: Plane, size: int, portable: bool, canvas: Canvas, rng: np.random.Generator
) -> npt.NDArray[np.uint8]:
    """The grey values (size, size) of a film; portable films have less contrast and more noise."""
    contrast = rng.uniform(0.85, 1.05) - 0.08 * portable
    scatter = rng.uniform(0.0, 0.05) + 0.04 * portable
    gamma = rng.uniform(0.82, 1.05)
    if portable and rng.random() < 0.5:
        density = density + 0.10 * canvas.stroke([(_tube(rng), 0.006)], blur=0.001)
    film = np.clip((density * np.float32(contrast) + np.float32(scatter)) / 0.85, 0, 1)
    film = film ** np.float32(gamma) * np.float32(255)
    film = np.maximum(film, 250 * _marker(canvas, rng))
    grain = rng.uniform(1.0, 2.5) + 0.8 * portable
    film += rng.standard_normal(film.shape, dtype=np.float32) * np.float32(grain)
    film = np.clip(film, 0, 255, out=film)
    sized = Image.fromarray(film.astype(np.uint8)).resize((size, size), Image.Resampling.BICUBIC)
    noise = NOISE[rng.integers(0, 256, (size, size), dtype=np.uint8)]
    # Away from the ends of the scale, bytes that wrap around add up right.
    noisy: npt.NDArray[np.uint8] = np.clip(np.asarray(sized), MOST, 255 - MOST)
    return np.add(noisy, noise.view(np.uint8), out=noisy)


def _tube(rng: np.random.Generator) -> Points:
    """A feeding or breathing tube, from the neck downwards."""
    x, end = 0.5 + rng.normal(0, 0.01), rng.uniform(0.3, 0.7)
    return curve([(x + rng.normal(0, 0.02), -0.05), (x, 0.15), (x + rng.normal(0, 0.02), end)])


def _marker(canvas: Canvas, rng: np.random.Generator) -> Plane:
    """The letter L that the radiographer lays beside the patient's left shoulder."""
    x, y = rng.uniform(0.88, 0.94), rng.uniform(0.03, 0.09)
    letter = np.array([(x, y), (x, y + 0.035), (x + 0.018, y + 0.035)])
    upright = Canvas(canvas.side)
    return upright.stroke([(letter, 0.007)], blur=0.0005)

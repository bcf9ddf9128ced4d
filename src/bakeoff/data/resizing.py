"""One decoded image at the size that a model sees."""

import hashlib
from typing import NamedTuple

import numpy as np
from PIL import Image

from bakeoff.data.images import Decoded, Grey


class Resized(NamedTuple):
    """Pixels, uint8 (size, size), with the file's mode, width and height, and the pixels' SHA-256."""

    pixels: Grey
    mode: str
    width: int
    height: int
    sha256: str


def resize(size: int, name: str, image: Decoded) -> Resized:
    """Resize to (size, size), bicubic as Lab 5 (Pillow's default); what is not square is squeezed.

    When it shrinks, Pillow widens the filter by the factor, so that ribs do not alias.
    """
    resized = Image.fromarray(image.pixels).resize((size, size), Image.Resampling.BICUBIC)
    pixels = np.asarray(resized)
    return Resized(pixels, image.mode, image.width, image.height, checksum(pixels))


def checksum(pixels: Grey) -> str:
    """SHA-256 of packed pixels, by which an index knows its array."""
    return hashlib.sha256(np.ascontiguousarray(pixels).data).hexdigest()

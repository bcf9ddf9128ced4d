"""An image changes its size: decoded, it is squeezed or cropped to that of the pack, grey or in colour."""

import hashlib
import math
from typing import NamedTuple

import numpy as np
from PIL import Image

from bakeoff.config.packing import Packing
from bakeoff.data.colours import Pixels, is_grey
from bakeoff.data.image_files import MAX_PIXELS
from bakeoff.data.images import Decoded
from bakeoff.errors import DataError


class Resized(NamedTuple):
    """Pixels, uint8 (size, size) or in colour (size, size, 3), with their SHA-256.

    Mode, width and height are the file's, and so is `colours`: whether it has any, kept or not.
    """

    pixels: Pixels
    mode: str
    width: int
    height: int
    sha256: str
    colours: bool


def resize(packing: Packing, name: str, image: Decoded) -> Resized:
    """Resize to (size, size), bicubic as Lab 5 (Pillow's default); what is not square is squeezed or cropped.

    When it shrinks, Pillow widens the filter by the factor, so that ribs do not alias. An image without
    colours stays grey. Raises DataError, starting with `name`, for a stripe that cannot be cropped.
    """
    whole = Image.fromarray(image.shown if packing.colours else image.pixels)
    if packing.crop_pct is None:
        fitted = whole.resize((packing.size, packing.size), Image.Resampling.BICUBIC)
    else:
        fitted = _crop(whole, packing.size, packing.crop_pct, name)
    pixels = np.asarray(fitted)
    colours = image.colours is not None
    return Resized(pixels, image.mode, image.width, image.height, checksum(pixels), colours)


def checksum(pixels: Pixels) -> str:
    """SHA-256 of packed pixels, by which an index knows its array; of grey ones the same when repeated."""
    if is_grey(pixels) and pixels.ndim == 3:
        pixels = pixels[..., 0]
    return hashlib.sha256(np.ascontiguousarray(pixels).data).hexdigest()


def _crop(image: Image.Image, size: int, crop_pct: float, name: str) -> Image.Image:
    """The middle of an image whose shorter side is size / crop_pct: timm's evaluation, pixel by pixel."""
    shorter = math.floor(size / crop_pct)
    width, height = image.size
    if width <= height:
        width, height = shorter, int(shorter * height / width)
    else:
        width, height = int(shorter * width / height), shorter
    if width * height > MAX_PIXELS:
        raise DataError(
            f"{name}: {image.width} x {image.height} pixels are a stripe, of which `fit: crop` would show "
            "next to nothing. Set image.fit: squeeze, or take it out of the table"
        )
    left, top = round((width - size) / 2), round((height - size) / 2)
    resized = image.resize((width, height), Image.Resampling.BICUBIC)
    return resized.crop((left, top, left + size, top + size))

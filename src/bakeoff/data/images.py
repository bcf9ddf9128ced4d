"""One image file, whatever its mode, as 8-bit grey pixels."""

import hashlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bakeoff.data.image_files import read_picture
from bakeoff.errors import DataError

Grey = NDArray[np.uint8]


class Decoded(NamedTuple):
    """An image's pixels, uint8 (H, W), and what the file held: Pillow's mode, width and height."""

    pixels: Grey
    mode: str
    width: int
    height: int


def decode(folder: Path, name: str) -> Decoded:
    """Read the image `name` in `folder` as 8-bit grey; DataError, starting with `name`, if it cannot.

    Colour becomes grey by ITU-R 601 luma, so that equal channels keep their value. Transparency is laid
    over black, the background of a radiograph. 16-bit grey is scaled to 8 bits over its whole range, which
    is 12 bits where all values fit (detectors store those in 16).
    """
    image, header = read_picture(folder, name)
    try:
        return Decoded(_grey(image), *header)
    except Exception as error:  # a mode that Pillow cannot convert
        raise DataError(f"{name}: cannot be decoded: {error or type(error).__name__}") from error


def pixel_digest(pixels: Grey) -> str:
    """SHA-256 of an image's height, width and grey pixels: equal exactly for pixel-identical images."""
    height, width = pixels.shape
    digest = hashlib.sha256(f"{height} {width} ".encode())
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.hexdigest()


def _grey(image: Image.Image) -> Grey:
    if image.mode.startswith("I"):
        return _to_8_bits(np.asarray(image))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        if image.getchannel("A").getextrema() != (255, 255):
            black = Image.new("RGBA", image.size, (0, 0, 0, 255))
            image = Image.alpha_composite(black, image)
    return np.array(image.convert("L"))


def _to_8_bits(values: NDArray[np.uint16]) -> Grey:
    """Scale 16-bit grey linearly, rounding to nearest: 65535, or 4095 if no value is above, becomes 255."""
    full = 4095 if values.max() <= 4095 else 65535
    scaled = (values.astype(np.uint32) * 255 + full // 2) // full
    return scaled.astype(np.uint8)

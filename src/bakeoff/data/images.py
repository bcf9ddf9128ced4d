"""One image file, whatever its mode, as 8-bit pixels: grey, and in its colours where it has any."""

import hashlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bakeoff.data.colours import Pixels, colours_of, on_black
from bakeoff.data.image_files import read_picture
from bakeoff.errors import DataError

Grey = NDArray[np.uint8]


class Decoded(NamedTuple):
    """An image's pixels, uint8 (H, W), and what the file held: Pillow's mode, width and height.

    `colours` are its pixels in colour, uint8 (H, W, 3); None where it has none: all it has is grey.
    """

    pixels: Grey
    mode: str
    width: int
    height: int
    colours: Pixels | None = None

    @property
    def shown(self) -> Pixels:
        """All that the file shows: its colours, or grey where it has none."""
        return self.pixels if self.colours is None else self.colours


def decode(folder: Path, name: str) -> Decoded:
    """Read the image `name` in `folder`, in 8 bits; DataError, starting with `name`, if it cannot.

    Colour is there as it is, and as grey by ITU-R 601 luma: equal channels keep their value. Transparency is
    laid over black, the background of a radiograph. 16-bit grey is scaled to 8 bits over its whole range,
    which is 12 bits where all values fit (detectors store those in 16).
    """
    image, header = read_picture(folder, name)
    try:
        return Decoded(_grey(image), *header, colours_of(image))
    except Exception as error:  # a mode that Pillow cannot convert
        raise DataError(f"{name}: cannot be decoded: {error or type(error).__name__}") from error


def pixel_digest(pixels: Pixels) -> str:
    """SHA-256 of an image's height, width and pixels: equal exactly for pixel-identical images.

    The pixels of an image without colours are to be its grey ones.
    """
    height, width = pixels.shape[:2]
    digest = hashlib.sha256(f"{height} {width} ".encode())
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.hexdigest()


def _grey(image: Image.Image) -> Grey:
    if image.mode.startswith("I"):
        return _to_8_bits(np.asarray(image))
    opaque = on_black(image)
    return np.asarray(opaque if opaque.mode == "L" else opaque.convert("L"))


def _to_8_bits(values: NDArray[np.uint16]) -> Grey:
    """Scale 16-bit grey linearly, rounding to nearest: 65535, or 4095 if no value is above, becomes 255."""
    full = 4095 if values.max() <= 4095 else 65535
    scaled = (values.astype(np.uint32) * 255 + full // 2) // full
    return scaled.astype(np.uint8)

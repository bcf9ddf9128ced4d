"""One image file, whatever its mode, as 8-bit grey pixels."""

import hashlib
import io
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from bakeoff.errors import DataError

MAX_PIXELS = 2**26
"""Larger images (67 million pixels, 8192 x 8192) are refused: a decompression bomb is small on disk."""

FORMATS = ("PNG", "JPEG")
SUFFIXES = (".png", ".jpg", ".jpeg")

Grey = NDArray[np.uint8]


class Decoded(NamedTuple):
    """An image's pixels, uint8 (H, W), and what the file held: Pillow's mode, width and height."""

    pixels: Grey
    mode: str
    width: int
    height: int


def decode(folder: Path, name: str) -> Decoded:
    """Read the PNG or JPEG `name` in `folder` as 8-bit grey; DataError, starting with `name`, if it cannot.

    Colour becomes grey by ITU-R 601 luma, so that equal channels keep their value. Transparency is laid
    over black, the background of a radiograph. 16-bit grey is scaled to 8 bits over its whole range, which
    is 12 bits where all values fit (detectors store those in 16). The orientation in EXIF is applied: what
    viewers show is what was labelled. Gamma and colour profiles are ignored.
    """
    path = locate(folder, name)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{name}: cannot be read: {error.strerror}") from error
    if not content:
        raise DataError(f"{name}: the file is empty (0 bytes)")
    try:
        with warnings.catch_warnings():
            # Pillow warns of bombs, for which the limit here is lower, and of EXIF, which has no pixels.
            warnings.simplefilter("ignore")
            return _decode(content)
    except Image.DecompressionBombError as error:
        raise DataError(f"{name}: {_too_large(str(error))}") from error
    except UnidentifiedImageError as error:
        raise DataError(f"{name}: not a PNG or JPEG image") from error
    except Exception as error:  # decoders raise SyntaxError, zlib.error, struct.error and more
        raise DataError(f"{name}: cannot be decoded: {error or type(error).__name__}") from error


def locate(folder: Path, name: str) -> Path:
    """The file `name` in `folder`; DataError if it is not there or the name leads out of the folder.

    A link inside the folder may lead anywhere: the folder's owner put it there, often because the images
    are in several places. Names in the table are not trusted.
    """
    if Path(name).is_absolute():
        raise DataError(f"{name}: absolute path; expected one inside the image folder")
    if ".." in Path(name).parts:
        raise DataError(f"{name}: leaves the image folder; expected a path in it without '..'")
    try:
        path = (folder / name).resolve()
        if not path.exists():
            raise DataError(f"{name}: missing")
        # Reading a pipe would block for ever.
        if not path.is_file():
            raise DataError(f"{name}: not a file")
    except (OSError, RuntimeError, ValueError) as error:  # loops of links, over-long names, NUL
        raise DataError(f"{name}: not a usable path: {error}") from error
    return path


def pixel_digest(pixels: Grey) -> str:
    """SHA-256 of an image's height, width and grey pixels: equal exactly for pixel-identical images."""
    height, width = pixels.shape
    digest = hashlib.sha256(f"{height} {width} ".encode())
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.hexdigest()


def _decode(content: bytes) -> Decoded:
    with Image.open(io.BytesIO(content), formats=FORMATS) as image:
        width, height = image.size
        if width * height > MAX_PIXELS:
            raise Image.DecompressionBombError(f"{width} x {height} pixels")
        if width * height == 0:
            raise ValueError(f"it has no pixels ({width} x {height})")
        # Decoding skips PNG's checksums: without this, flipped bits would pass as an image.
        image.verify()
    with Image.open(io.BytesIO(content), formats=FORMATS) as image:
        mode = image.mode
        upright = ImageOps.exif_transpose(image)
        return Decoded(_grey(upright), mode, width, height)


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


def _too_large(found: str) -> str:
    return f"too large, perhaps a decompression bomb: {found}; the limit is {MAX_PIXELS} pixels"

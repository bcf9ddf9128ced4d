"""The files that hold images: which kinds are read, and one of them as Pillow's picture, upright."""

import io
import warnings
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageOps, UnidentifiedImageError

from bakeoff.data.image_kinds import FORMATS, KINDS
from bakeoff.data.locating import locate
from bakeoff.errors import DataError

MAX_PIXELS = 2**26
"""Larger images (67 million pixels, 8192 x 8192) are refused: a decompression bomb is small on disk."""


class Header(NamedTuple):
    """What a file says of its image: Pillow's mode, width and height."""

    mode: str
    width: int
    height: int


class Picture(NamedTuple):
    """An image as Pillow has it, turned upright, and the file's header, whose sides are not turned."""

    image: Image.Image
    header: Header


def read_picture(folder: Path, name: str) -> Picture:
    """The image `name` in `folder`; DataError, starting with `name`, if it cannot be read or decoded.

    The orientation in EXIF is applied: what viewers show is what was labelled. Gamma and colour profiles
    are ignored.
    """
    content = _content(locate(folder, name), name)
    try:
        with warnings.catch_warnings():
            # Pillow warns of bombs, for which the limit here is lower, and of EXIF, which has no pixels.
            warnings.simplefilter("ignore")
            return _decode(content)
    except Image.DecompressionBombError as error:
        raise DataError(f"{name}: {_too_large(str(error))}") from error
    except UnidentifiedImageError as error:
        raise DataError(f"{name}: not a {KINDS} image") from error
    except Exception as error:  # decoders raise SyntaxError, zlib.error, struct.error and more
        raise DataError(f"{name}: cannot be decoded: {error or type(error).__name__}") from error


def read_header(folder: Path, name: str) -> Header:
    """What the file `name` says of its image, without decoding it; DataError where it is none."""
    path = locate(folder, name)
    try:
        if not path.stat().st_size:
            raise DataError(f"{name}: the file is empty (0 bytes)")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path, formats=FORMATS) as image:
                return Header(image.mode, *image.size)
    except Image.DecompressionBombError as error:
        raise DataError(f"{name}: {_too_large(str(error))}") from error
    except OSError as error:  # Pillow's own for what is no image has no strerror
        raise DataError(f"{name}: {error.strerror or f'not a {KINDS} image'}") from error


def _content(path: Path, name: str) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{name}: cannot be read: {error.strerror}") from error
    if not content:
        raise DataError(f"{name}: the file is empty (0 bytes)")
    return content


def _decode(content: bytes) -> Picture:
    with Image.open(io.BytesIO(content), formats=FORMATS) as image:
        width, height = image.size
        if width * height > MAX_PIXELS:
            raise Image.DecompressionBombError(f"{width} x {height} pixels")
        if width * height == 0:
            raise ValueError(f"it has no pixels ({width} x {height})")
        # Decoding skips PNG's checksums: without this, flipped bits would pass as an image.
        image.verify()
    with Image.open(io.BytesIO(content), formats=FORMATS) as image:
        header = Header(image.mode, width, height)
        upright = ImageOps.exif_transpose(image)
        upright.load()
        return Picture(upright, header)


def _too_large(found: str) -> str:
    return f"too large, perhaps a decompression bomb: {found}; the limit is {MAX_PIXELS} pixels"

"""The files that hold images: which kinds are read, and one of them as Pillow's picture, upright."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError
from PIL.TiffImagePlugin import PHOTOMETRIC_INTERPRETATION, TiffImageFile

from bakeoff.data.dicom import PREAMBLE, dicom_header, dicom_image, is_dicom
from bakeoff.data.image_kinds import FORMATS, KINDS
from bakeoff.data.locating import locate
from bakeoff.data.quiet import without_warnings
from bakeoff.errors import DataError

MAX_PIXELS = 2**26
"""Larger images (67 million pixels, 8192 x 8192) are refused: a decompression bomb is small on disk."""


EMPTY = "the file is empty (0 bytes)"


class Header(NamedTuple):
    """What a file says of its image: Pillow's mode or DICOM's photometric interpretation, and the size."""

    mode: str
    width: int
    height: int

    @property
    def has_colours(self) -> bool:
        """Whether the image may have colours."""
        return not self.mode.startswith(("1", "L", "I", "F", "MONOCHROME")) or self.mode == "LAB"


class Picture(NamedTuple):
    """An image as Pillow has it, turned upright, and the file's header, whose sides are not turned."""

    image: Image.Image
    header: Header


def read_picture(folder: Path, name: str) -> Picture:
    """The image `name` in `folder`; DataError, starting with `name`, if it cannot be read or decoded.

    The orientation in EXIF is applied: what viewers show is what was labelled. Gamma and colour profiles
    are ignored. A file of several pages or frames is refused, and so are grey values that are no whole
    numbers from 0 to 65535.
    """
    path = locate(folder, name)
    with _explained(name):
        content = path.read_bytes()
        if not content:
            raise DataError(f"{name}: {EMPTY}")
        return _of_dicom(content) if is_dicom(content) else _of_pillow(content)


def read_header(folder: Path, name: str) -> Header:
    """What the file `name` says of its image, without decoding it; DataError where it is none."""
    path = locate(folder, name)
    with _explained(name), path.open("rb") as stream:
        start = stream.read(PREAMBLE)
        if not start:
            raise DataError(f"{name}: {EMPTY}")
        if is_dicom(start):
            return Header(*dicom_header(path))
        stream.seek(0)
        with Image.open(stream, formats=FORMATS) as image:
            _require_one(image)
            return Header(image.mode, *image.size)


@contextmanager
def _explained(name: str) -> Iterator[None]:
    """Whatever a file's reader raises, as a DataError that starts with the file's name."""
    try:
        # Pillow warns of bombs, for which the limit here is lower, and of EXIF, which has no pixels.
        with without_warnings():
            yield
    except DataError:
        raise
    except Image.DecompressionBombError as error:
        raise DataError(f"{name}: {_too_large(str(error))}") from error
    except UnidentifiedImageError as error:
        raise DataError(f"{name}: not a {KINDS} image") from error
    except Exception as error:  # decoders raise SyntaxError, zlib.error, struct.error and more
        if isinstance(error, OSError) and error.strerror:
            raise DataError(f"{name}: cannot be read: {error.strerror}") from error
        why = str(error).partition("\n")[0]  # pydicom appends a traceback
        raise DataError(f"{name}: cannot be decoded: {why or type(error).__name__}") from error


def _of_dicom(content: bytes) -> Picture:
    header = Header(*dicom_header(io.BytesIO(content)))
    _require_size(header.width, header.height)
    return Picture(dicom_image(io.BytesIO(content)), header)


def _of_pillow(content: bytes) -> Picture:
    with Image.open(io.BytesIO(content), formats=FORMATS) as image:
        _require_size(*image.size)
        # Decoding skips PNG's checksums: without this, flipped bits would pass as an image.
        image.verify()
    with Image.open(io.BytesIO(content), formats=FORMATS) as image:
        _require_one(image)
        header = Header(image.mode, *image.size)
        inverted = image.mode.startswith("I;16") and _is_white_at_zero(image)
        image.load()
        ImageOps.exif_transpose(image, in_place=True)
        if image.mode == "I":
            _require_16_bits(image)
        if inverted:  # Pillow inverts 8 bits itself
            return Picture(Image.fromarray(65535 - np.asarray(image).astype(np.uint16)), header)
        return Picture(image, header)


def _require_size(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise Image.DecompressionBombError(f"{width} x {height} pixels")
    if width * height == 0:
        raise ValueError(f"it has no pixels ({width} x {height})")


def _require_one(image: Image.Image) -> None:
    """Refuse several pages or frames, of which nobody knows which was labelled, and fractions."""
    pages = getattr(image, "n_frames", 1)
    if image.format in ("TIFF", "WEBP") and pages > 1:
        raise ValueError(
            f"it holds {pages} {'pages' if image.format == 'TIFF' else 'frames'}; expected one image: "
            "write each that is to be used to a file of its own"
        )
    if image.mode == "F":
        raise ValueError("its pixels are fractions (floating point); save it as 8- or 16-bit grey")


def _require_16_bits(image: Image.Image) -> None:
    values = np.asarray(image)
    low, high = values.min(), values.max()
    if low < 0 or high > 65535:
        raise ValueError(
            f"its pixels are from {low} to {high}; expected whole numbers from 0 to 65535 (16-bit grey)"
        )


def _is_white_at_zero(image: Image.Image) -> bool:
    return isinstance(image, TiffImageFile) and image.tag_v2.get(PHOTOMETRIC_INTERPRETATION) == 0


def _too_large(found: str) -> str:
    return f"too large, perhaps a decompression bomb: {found}; the limit is {MAX_PIXELS} pixels"

"""DICOM files: the image as viewers show it, with rescale and window applied, and the patient of the header.

DICOM PS3.3, C.7.6.3 (pixels and photometric interpretation), C.11.1 (modality LUT) and C.11.2 (window).
pydicom takes half a second to import, and is, where there is a DICOM file.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

if TYPE_CHECKING:
    from pydicom import Dataset
    from pydicom.uid import UID

PREAMBLE = 132
"""Bytes at the start of a file by which DICOM is known."""

GREY = ("MONOCHROME1", "MONOCHROME2")
BEYOND = 1e30
"""Below and above every pixel."""


def is_dicom(start: bytes) -> bool:
    """Whether a file that starts with these bytes, PREAMBLE of them, is DICOM."""
    return start[128:PREAMBLE] == b"DICM"


def dicom_header(file: Path | BinaryIO) -> tuple[str, int, int]:
    """Photometric interpretation, width and height of a DICOM file.

    ValueError where it has no single image, or one that nothing installed reads.
    """
    import pydicom

    dataset = pydicom.dcmread(file, stop_before_pixels=True)
    frames = int(dataset.get("NumberOfFrames") or 1)
    if frames > 1:
        raise ValueError(
            f"it holds {frames} frames; expected one image: write each that is to be used to a file of "
            "its own"
        )
    if "Rows" not in dataset or "PhotometricInterpretation" not in dataset:
        kind = dataset.get("SOPClassUID")
        raise ValueError(f"it holds no image{f' ({kind.name})' if kind else ''}")
    _require_reader(dataset)
    return str(dataset.PhotometricInterpretation), int(dataset.Columns), int(dataset.Rows)


def dicom_image(file: Path | BinaryIO) -> Image.Image:
    """A DICOM file as an 8-bit image, L or RGB.

    Grey goes through the modality LUT (rescale slope and intercept) and the first VOI LUT or window, whose
    output is spread over 0 to 255; without one, the values that the image has are, but for its padding, as
    viewers do. MONOCHROME1 is inverted: larger is brighter. Colours become RGB. Raises ValueError for
    what is compressed in a way that nothing installed reads.
    """
    import pydicom
    from pydicom.pixels.processing import apply_color_lut

    dataset = pydicom.dcmread(file)
    if "PixelData" not in dataset:
        raise ValueError("it holds no image (no Pixel Data)")
    try:
        pixels = dataset.pixel_array
    except RuntimeError as error:  # of what is installed, nothing could read it
        syntax = dataset.file_meta.TransferSyntaxUID
        why = " ".join(str(error).split())
        raise ValueError(f"{_compressed(syntax)}: {why}. {_missing_for(syntax)}".strip()) from error
    interpretation = dataset.PhotometricInterpretation
    if interpretation in GREY:
        shown = _windowed(pixels, dataset)
        return Image.fromarray(255 - shown if interpretation == "MONOCHROME1" else shown)
    bits = int(dataset.BitsStored)
    if interpretation == "PALETTE COLOR":
        pixels = apply_color_lut(pixels, dataset)
        bits = 8 * pixels.itemsize
    return Image.fromarray(pixels if bits == 8 else _to_8_bits(pixels, 0, 2**bits - 1))


def dicom_patient(file: Path) -> str:
    """The Patient ID of a DICOM file's header, "" where it has none; ValueError where it cannot be read."""
    import pydicom

    dataset = pydicom.dcmread(file, specific_tags=["PatientID"], stop_before_pixels=True)
    return str(dataset.get("PatientID") or "").strip()


def _windowed(pixels: NDArray[Any], dataset: "Dataset") -> NDArray[np.uint8]:
    """Grey values as they are shown, uint8 (H, W), before MONOCHROME1 is inverted."""
    from pydicom.pixels.processing import apply_modality_lut, apply_voi_lut

    values = apply_modality_lut(pixels, dataset)
    if dataset.get("VOILUTSequence"):
        table = dataset.VOILUTSequence[0]
        entries, first, bits = table.LUTDescriptor
        # pydicom counts entries in the type of their values, for which 8 bits may be too few.
        table.LUTDescriptor = [entries, first, 16]
        # A table has whole numbers as its input; rescaling made them floats.
        shown = apply_voi_lut(np.rint(values).astype(np.int32), dataset)
        return _to_8_bits(shown, 0, 2 ** int(bits) - 1)
    shown = apply_voi_lut(values, dataset)
    if shown is not values:
        with np.errstate(over="ignore"):
            low, high = apply_voi_lut(np.array([-BEYOND, BEYOND]), dataset)
        return _to_8_bits(shown, low, high)
    padding = dataset.get("PixelPaddingValue")
    inside = values if padding is None else values[pixels != padding]
    low, high = (inside.min(), inside.max()) if inside.size else (0, 0)
    return _to_8_bits(values, float(low), float(high))


def _to_8_bits(values: NDArray[Any], low: float, high: float) -> NDArray[np.uint8]:
    """`low` to `high`, which may be the larger, becomes 0 to 255, rounded to nearest."""
    scaled = (values.astype(np.float64) - low) * (255 / (high - low) if high != low else 0)
    return np.floor(np.clip(scaled, 0, 255) + 0.5).astype(np.uint8)


def _require_reader(dataset: "Dataset") -> None:
    from pydicom.pixels.decoders.base import get_decoder

    syntax = dataset.file_meta.get("TransferSyntaxUID")
    if syntax is None:
        raise ValueError("its header does not say how it is stored (Transfer Syntax UID)")
    try:
        decoder = get_decoder(syntax)
    except NotImplementedError:
        raise ValueError(f"{_compressed(syntax)}, which pydicom does not read") from None
    if not decoder.is_available:
        raise ValueError(f"{_compressed(syntax)}. {_missing_for(syntax)}")


def _compressed(syntax: "UID") -> str:
    return f"it is compressed as {syntax.name}"


def _missing_for(syntax: "UID") -> str:
    """Packages beside pydicom that read a compression and are not installed, in a sentence."""
    from pydicom.pixels.decoders.base import get_decoder

    packages = [one.split(" - requires ")[-1] for one in get_decoder(syntax).missing_dependencies]
    return f"Install one of these to read it: {'; '.join(packages)}" if packages else ""

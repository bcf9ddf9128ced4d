"""DICOM files are seen as viewers show them; what cannot be seen so is refused with the reason."""

import io
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset, dcmread
from pydicom.data import get_testdata_file
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import RLELossless

from bakeoff.data.dicom import dicom_patient
from bakeoff.data.image_files import read_header
from bakeoff.data.images import decode
from bakeoff.errors import DataError
from tests.data.dicom_files import write_dicom

RAMP = np.arange(4096, dtype=np.uint16).reshape(64, 64)


def shown(folder: Path, pixels: np.ndarray, **elements: object) -> np.ndarray:  # type: ignore[type-arg]
    write_dicom(folder / "a.dcm", pixels, **elements)
    image = decode(folder, "a.dcm")
    assert image.pixels.dtype == np.uint8 and (image.height, image.width) == pixels.shape[:2]
    return image.pixels


def bundled(name: str) -> Path:
    return Path(str(get_testdata_file(name)))


def refusal(file: Path) -> str:
    with pytest.raises(DataError) as caught:
        decode(file.parent, file.name)
    assert str(caught.value).startswith(f"{file.name}: ")
    return str(caught.value)


def rounded(values: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
    return np.floor(np.clip(values, 0, 255) + 0.5)


def test_the_window_of_the_header_is_applied(tmp_path: Path) -> None:
    pixels = shown(tmp_path, RAMP, BitsStored=12, HighBit=11, WindowCenter=1000, WindowWidth=401)
    # PS3.3 C.11.2.1.2.1: ((x - (c - 0.5)) / (w - 1) + 0.5)
    expected = ((RAMP.astype(float) - 999.5) / 400 + 0.5) * 255
    np.testing.assert_array_equal(pixels, rounded(expected))
    assert (pixels[RAMP < 799] == 0).all() and (pixels[RAMP > 1200] == 255).all()


@pytest.mark.parametrize("function", ["LINEAR_EXACT", "SIGMOID"])
def test_the_function_of_the_window_counts(tmp_path: Path, function: str) -> None:
    window = {"WindowCenter": 2000, "WindowWidth": 800, "VOILUTFunction": function}
    pixels = shown(tmp_path, RAMP, BitsStored=12, HighBit=11, **window)
    distance = (RAMP.astype(float) - 2000) / 800
    linear = function == "LINEAR_EXACT"
    np.testing.assert_array_equal(
        pixels, rounded(255 * (distance + 0.5 if linear else 1 / (1 + np.exp(-4 * distance))))
    )


def test_rescale_comes_before_the_window(tmp_path: Path) -> None:
    hounsfield = np.array([[-1000, 0, 40, 80, 3000]], dtype=np.int16)
    rescaled = {"RescaleSlope": 2, "RescaleIntercept": -1024}
    window = {"WindowCenter": 40.5, "WindowWidth": 81, "WindowCenterWidthExplanation": "BRAIN"}
    pixels = shown(tmp_path, (hounsfield + 1024) // 2, **rescaled, **window)
    assert pixels.tolist() == [[0, 0, 128, 255, 255]]


def test_the_first_of_several_windows_is_taken(tmp_path: Path) -> None:
    window = {"WindowCenter": [1000, 3000], "WindowWidth": [400, 10]}
    one = {"WindowCenter": 1000, "WindowWidth": 400}
    np.testing.assert_array_equal(shown(tmp_path, RAMP, **window), shown(tmp_path, RAMP, **one))


def test_monochrome1_is_inverted_after_its_window(tmp_path: Path) -> None:
    window = {"WindowCenter": 1000, "WindowWidth": 400}
    plain = shown(tmp_path, RAMP, **window)
    inverted = shown(tmp_path, RAMP, **window, PhotometricInterpretation="MONOCHROME1")
    np.testing.assert_array_equal(inverted, 255 - plain)
    assert decode(tmp_path, "a.dcm").mode == "MONOCHROME1"


def test_without_a_window_the_values_that_there_are_become_0_to_255(tmp_path: Path) -> None:
    pixels = shown(tmp_path, RAMP[:32] + 500)
    np.testing.assert_array_equal(pixels, rounded(RAMP[:32] * (255 / 2047)))
    assert shown(tmp_path, np.full((4, 4), 700, dtype=np.uint16)).max() == 0
    padded = RAMP[:32].astype(np.int16) + 500
    padded[0, :5] = -2000
    pixels = shown(tmp_path, padded, PixelPaddingValue=-2000)
    np.testing.assert_array_equal(pixels[1:], rounded((RAMP[1:32] - 5) * (255 / 2042)))
    assert (pixels[0, :5] == 0).all()


def test_a_table_of_values_comes_before_a_window(tmp_path: Path) -> None:
    table = Dataset()
    table.LUTDescriptor = [4096, 0, 8]
    table.LUTData = np.where(np.arange(4096) < 2048, 10, 200).astype("<u2").tobytes()
    elements = {"BitsStored": 12, "HighBit": 11, "RescaleSlope": 1, "RescaleIntercept": 0}
    window = {"WindowCenter": 1000, "WindowWidth": 400}
    pixels = shown(tmp_path, RAMP, **elements, **window, VOILUTSequence=[table])
    np.testing.assert_array_equal(pixels, np.where(RAMP < 2048, 10, 200))


def test_colours_become_grey_as_those_of_other_files(tmp_path: Path) -> None:
    colour = np.full((2, 3, 3), [200, 100, 50], dtype=np.uint8)
    assert shown(tmp_path, colour).tolist() == [[124] * 3] * 2
    wide = colour.astype(np.uint16) * 257
    assert shown(tmp_path, wide).tolist() == [[124] * 3] * 2
    for name in ("SC_rgb_rle.dcm", "SC_rgb_dcmtk_+eb+cy+np.dcm", "examples_palette.dcm"):
        image = decode(bundled(name).parent, name)
        assert image.pixels.max() > 200 and len(np.unique(image.pixels)) > 5


def test_files_of_real_devices_are_read(tmp_path: Path) -> None:
    for name, low, high in (("MR_small.dcm", 52, 255), ("CT_small.dcm", 0, 255)):
        pixels = decode(bundled(name).parent, name).pixels
        assert (pixels.min(), pixels.max()) == (low, high)
    plain = decode(bundled("MR_small.dcm").parent, "MR_small.dcm").pixels
    for name in ("MR_small_RLE.dcm", "MR_small_bigendian.dcm", "MR_small_jp2klossless.dcm"):
        np.testing.assert_array_equal(decode(bundled(name).parent, name).pixels, plain)
    # By its content, whatever its name.
    (tmp_path / "scan").write_bytes(bundled("MR_small.dcm").read_bytes())
    np.testing.assert_array_equal(decode(tmp_path, "scan").pixels, plain)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("examples_ybr_color.dcm", "it holds 30 frames; expected one image"),
        ("reportsi.dcm", "it holds no image (Basic Text SR Storage)"),
        ("MR_truncated.dcm", "The number of bytes of pixel data is less than expected"),
        ("no_meta.dcm", "not a PNG, JPEG, TIFF, WebP, BMP or DICOM image"),
    ],
)
def test_what_holds_no_single_image_is_refused(name: str, said: str) -> None:
    assert said in refusal(bundled(name))


@pytest.mark.parametrize("name", ["MR_small_jpeg_ls_lossless.dcm", "JPEG-lossy.dcm"])
def test_for_a_compression_the_missing_package_is_named(name: str) -> None:
    file = bundled(name)
    if not get_decoder(dcmread(file).file_meta.TransferSyntaxUID).missing_dependencies:
        pytest.skip("everything that reads it is installed")
    said = refusal(file)
    assert "it is compressed as JPEG" in said
    assert "Install one of these to read it: gdcm>=3" in said and "pylibjpeg>=2" in said


def test_before_anything_runs_the_header_tells_as_much(tmp_path: Path) -> None:
    write_dicom(tmp_path / "a.dcm", RAMP)
    assert read_header(tmp_path, "a.dcm") == ("MONOCHROME2", 64, 64)
    assert not read_header(tmp_path, "a.dcm").has_colours
    for name in ("examples_ybr_color.dcm", "MR_small_jpeg_ls_lossless.dcm", "rtplan.dcm"):
        with pytest.raises(DataError) as caught:
            read_header(bundled(name).parent, name)
        assert str(caught.value) == refusal(bundled(name))


@pytest.mark.slow(seconds=2)
def test_a_file_cut_anywhere_is_refused(tmp_path: Path) -> None:
    stream = io.BytesIO()
    dataset = write_dicom(tmp_path / "whole.dcm", RAMP)
    dataset.compress(RLELossless)
    dataset.save_as(stream, enforce_file_format=True)
    for content in ((tmp_path / "whole.dcm").read_bytes(), stream.getvalue()):
        for length in range(1, len(content), 97):
            (tmp_path / "cut.dcm").write_bytes(content[:length])
            refusal(tmp_path / "cut.dcm")


def test_an_image_of_too_many_pixels_is_not_decoded(tmp_path: Path) -> None:
    write_dicom(tmp_path / "a.dcm", RAMP, Rows=60_000, Columns=60_000)
    assert "too large" in refusal(tmp_path / "a.dcm")


def test_the_patient_is_that_of_the_header(tmp_path: Path) -> None:
    write_dicom(tmp_path / "a.dcm", RAMP, PatientID=" 007 ")
    assert dicom_patient(tmp_path / "a.dcm") == "007"
    write_dicom(tmp_path / "a.dcm", RAMP, PatientID="")
    assert dicom_patient(tmp_path / "a.dcm") == ""
    assert dicom_patient(bundled("CT_small.dcm")) == "1CT1"

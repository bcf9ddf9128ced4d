import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from bakeoff.data.image_files import MAX_PIXELS, read_header
from bakeoff.data.images import Decoded, decode, pixel_digest
from bakeoff.errors import DataError

GREY = np.random.default_rng(0).integers(0, 256, (20, 24), dtype=np.uint8)


def saved(folder: Path, image: Image.Image, name: str = "a.png", **options: object) -> Decoded:
    image.save(folder / name, **options)
    return decode(folder, name)


def colour(red: int, green: int, blue: int, *alpha: int) -> NDArray[np.uint8]:
    return np.full((2, 3, 3 + len(alpha)), [red, green, blue, *alpha], dtype=np.uint8)


def chunk(kind: bytes, content: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + checksum


def png(width: int, height: int, rows: bytes, depth: int = 8, kind: int = 0) -> bytes:
    """A PNG written by hand: what Pillow itself would not write."""
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    parts = chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def refusal(folder: Path, name: str) -> str:
    with pytest.raises(DataError) as caught:
        decode(folder, name)
    assert str(caught.value).startswith(f"{name}: ")
    return str(caught.value)


@pytest.mark.slow(seconds=2)
def test_the_real_rgba_files_are_their_grey_channel(shared_data: Path) -> None:
    folder = shared_data / "nih-original-24/images"
    modes = []
    for path in sorted(folder.iterdir()):
        image = decode(folder, path.name)
        with Image.open(path) as original:
            stored = np.asarray(original)
        assert image.pixels.shape == (1024, 1024)
        assert image.pixels.dtype == np.uint8
        np.testing.assert_array_equal(image.pixels, stored if stored.ndim == 2 else stored[:, :, 0])
        modes.append(image.mode)
    assert sorted(modes) == ["L"] * 20 + ["RGBA"] * 4


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA", "P"])
def test_grey_in_any_png_mode_keeps_its_values(tmp_path: Path, mode: str) -> None:
    grey = Image.fromarray(GREY)
    if mode == "P":
        grey.putpalette([value for value in range(256) for _ in range(3)])
    image = saved(tmp_path, grey if mode == "P" else grey.convert(mode))
    assert (image.mode, image.width, image.height) == (mode, 24, 20)
    np.testing.assert_array_equal(image.pixels, GREY)


def test_one_bit_becomes_black_and_white(tmp_path: Path) -> None:
    image = saved(tmp_path, Image.fromarray(GREY > 127))
    assert image.mode == "1"
    np.testing.assert_array_equal(image.pixels, np.where(GREY > 127, 255, 0))


def test_colour_becomes_luma(tmp_path: Path) -> None:
    image = saved(tmp_path, Image.fromarray(colour(200, 100, 50)))
    assert image.pixels.tolist() == [[124] * 3] * 2  # 0.299 R + 0.587 G + 0.114 B = 124.2


def test_transparency_lies_over_black(tmp_path: Path) -> None:
    half = saved(tmp_path, Image.fromarray(colour(200, 200, 200, 128)))
    assert half.pixels.tolist() == [[100] * 3] * 2
    hidden = saved(tmp_path, Image.fromarray(colour(255, 255, 255, 0)))
    assert hidden.pixels.max() == 0


def test_a_transparent_value_of_a_grey_or_palette_png_is_black(tmp_path: Path) -> None:
    for mode in ("L", "P"):
        image = Image.new(mode, (2, 1), 7)
        if mode == "P":
            image.putpalette([value for value in range(256) for _ in range(3)])
        image.putpixel((1, 0), 200)
        decoded = saved(tmp_path, image, transparency=200)
        assert decoded.pixels.tolist() == [[7, 0]]


def test_16_bits_are_scaled_over_their_range(tmp_path: Path) -> None:
    full = np.array([[0, 128, 129, 257], [32768, 51400, 65278, 65535]], dtype=np.uint16)
    image = saved(tmp_path, Image.fromarray(full))
    assert image.mode == "I;16"
    assert image.pixels.tolist() == [[0, 0, 1, 1], [128, 200, 254, 255]]
    np.testing.assert_array_equal(
        saved(tmp_path, Image.fromarray(GREY.astype(np.uint16) * 257)).pixels, GREY
    )


def test_12_bits_in_16_are_not_flattened_to_16_greys(tmp_path: Path) -> None:
    ramp = np.arange(4096, dtype=np.uint16).reshape(64, 64)
    pixels = saved(tmp_path, Image.fromarray(ramp)).pixels
    np.testing.assert_array_equal(pixels, np.floor(ramp.astype(int) * 255 / 4095 + 0.5))
    assert len(np.unique(pixels)) == 256


def test_16_bit_colour_keeps_its_high_byte(tmp_path: Path) -> None:
    row = b"\x00" + struct.pack(">HHH", 200 * 257, 200 * 257, 200 * 257) * 3
    (tmp_path / "a.png").write_bytes(png(3, 1, row, depth=16, kind=2))
    assert decode(tmp_path, "a.png").pixels.tolist() == [[200, 200, 200]]


def test_jpegs_of_every_mode_are_read(tmp_path: Path) -> None:
    smooth = np.tile(np.arange(0, 240, 10, dtype=np.uint8), (20, 1))
    for mode in ("L", "RGB", "CMYK"):
        image = saved(tmp_path, Image.fromarray(smooth).convert(mode), "a.jpg", quality=95)
        assert image.mode == mode
        assert np.abs(image.pixels.astype(int) - smooth).max() <= 4


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.webp"])
def test_the_orientation_that_viewers_show_is_applied(tmp_path: Path, name: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise by 90 degrees
    options = {"lossless": True} if name == "a.webp" else {}
    image = saved(tmp_path, Image.fromarray(GREY), name, exif=exif, **options)
    # Pillow gives a TIFF's sides as they are when turned.
    assert (image.width, image.height) == ((20, 24) if name == "a.tif" else (24, 20))
    np.testing.assert_array_equal(image.pixels, np.rot90(GREY, -1))


@pytest.mark.parametrize("name", ["a.tif", "a.TIFF", "a.bmp", "a.webp"])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_other_kinds_of_files_keep_their_values(tmp_path: Path, name: str, mode: str) -> None:
    options = {"lossless": True} if name == "a.webp" else {}
    image = saved(tmp_path, Image.fromarray(GREY).convert(mode), name, **options)
    assert image.mode == ("RGB" if name == "a.webp" else mode)
    assert (image.width, image.height) == (24, 20)
    np.testing.assert_array_equal(image.pixels, GREY)


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_adobe_deflate", "packbits"])
def test_tiff_of_16_bits_and_of_cmyk_is_read(tmp_path: Path, compression: str | None) -> None:
    full = np.array([[0, 128, 129, 257], [32768, 51400, 65278, 65535]], dtype=np.uint16)
    options = {"compression": compression} if compression else {}
    image = saved(tmp_path, Image.fromarray(full), "a.tif", **options)
    assert image.mode == "I;16"
    assert image.pixels.tolist() == [[0, 0, 1, 1], [128, 200, 254, 255]]
    image = saved(tmp_path, Image.fromarray(GREY).convert("CMYK"), "a.tif", **options)
    assert image.mode == "CMYK"
    np.testing.assert_array_equal(image.pixels, GREY)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_a_tiff_whose_zero_is_white_is_shown_as_it_is_meant(tmp_path: Path, kind: type) -> None:
    """Written by hand: what Pillow writes depends on the depth."""
    stored = np.array([[0, 1, 2], [100, 200, 255]], dtype=kind)
    full = np.iinfo(kind).max
    stored = (stored * (full // 255)).astype(kind)
    data = stored.astype(stored.dtype.newbyteorder("<")).tobytes()
    tags = [(256, 3), (257, 2), (258, 8 * stored.itemsize), (259, 1), (262, 0), (273, 8)]
    tags += [(277, 1), (278, 2), (279, len(data))]
    offset = 8 + len(data)
    directory = struct.pack("<H", len(tags)) + b"".join(
        struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags
    )
    header = b"II*\x00" + struct.pack("<I", offset)
    (tmp_path / "a.tif").write_bytes(header + data + directory + bytes(4))
    assert decode(tmp_path, "a.tif").pixels.tolist() == [[255, 254, 253], [155, 55, 0]]


def test_several_pages_and_fractions_are_refused_with_the_reason(tmp_path: Path) -> None:
    page = Image.fromarray(GREY)
    more = {"save_all": True, "append_images": [Image.fromarray(255 - GREY)]}
    page.save(tmp_path / "pages.tif", **more)
    page.convert("RGB").save(tmp_path / "moves.webp", **more)
    Image.fromarray(GREY.astype(np.float32)).save(tmp_path / "fractions.tif")
    Image.fromarray(GREY.astype(np.int32) * 1000).save(tmp_path / "large.tif")
    Image.fromarray(GREY.astype(np.int32) - 1).save(tmp_path / "signed.tif")
    assert "it holds 2 pages; expected one image" in refusal(tmp_path, "pages.tif")
    assert "it holds 2 frames; expected one image" in refusal(tmp_path, "moves.webp")
    assert "fractions (floating point)" in refusal(tmp_path, "fractions.tif")
    assert "from 0 to 255000; expected whole numbers" in refusal(tmp_path, "large.tif")
    assert "from -1 to 254; expected whole numbers" in refusal(tmp_path, "signed.tif")
    for name in ("pages.tif", "moves.webp", "fractions.tif"):
        with pytest.raises(DataError) as caught:
            read_header(tmp_path, name)
        assert str(caught.value) == refusal(tmp_path, name)


def test_a_constant_image_is_an_image(tmp_path: Path) -> None:
    image = saved(tmp_path, Image.fromarray(np.full((4, 4), 9, dtype=np.uint8)))
    assert image.pixels.tolist() == [[9] * 4] * 4


def test_missing_empty_and_foreign_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("this is no image")
    (tmp_path / "folder.png").mkdir()
    os.mkfifo(tmp_path / "pipe.png")
    Image.fromarray(GREY).save(tmp_path / "a.gif")
    assert "missing" in refusal(tmp_path, "none.png")
    assert "the file is empty" in refusal(tmp_path, "empty.png")
    assert "not a PNG, JPEG, TIFF, WebP, BMP or DICOM image" in refusal(tmp_path, "text.png")
    assert "not a PNG, JPEG, TIFF, WebP, BMP or DICOM image" in refusal(tmp_path, "a.gif")
    assert "not a file" in refusal(tmp_path, "folder.png")
    assert "not a file" in refusal(tmp_path, "pipe.png")


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif", "a.bmp", "a.webp"])
def test_a_file_cut_anywhere_is_refused(tmp_path: Path, name: str) -> None:
    buffer = io.BytesIO()
    Image.fromarray(GREY).save(buffer, Image.registered_extensions()[name[1:]])
    content = buffer.getvalue()
    # All pixels are there when only the checksum of PNG's end is missing.
    complete = len(content) - 4 if name == "a.png" else len(content)
    for length in range(1, complete, 5):
        (tmp_path / name).write_bytes(content[:length])
        refusal(tmp_path, name)


def test_flipped_bits_of_a_png_are_noticed(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.fromarray(GREY).save(buffer, "PNG")
    for position in range(
        8, len(buffer.getvalue()) - 12, 11
    ):  # up to PNG's end, which has no pixels
        content = bytearray(buffer.getvalue())
        content[position] ^= 0x10
        (tmp_path / "a.png").write_bytes(content)
        refusal(tmp_path, "a.png")


def test_an_image_without_pixels_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png(0, 0, b""))
    refusal(tmp_path, "a.png")


@pytest.mark.parametrize("side", [8193, 9500, 13500, 60000])  # ours, Pillow's warning, its error
def test_a_decompression_bomb_is_refused_before_it_is_decoded(tmp_path: Path, side: int) -> None:
    assert side * side > MAX_PIXELS
    (tmp_path / "bomb.png").write_bytes(png(side, side, b"\x00"))
    message = refusal(tmp_path, "bomb.png")
    assert "decompression bomb" in message
    assert str(MAX_PIXELS) in message


def test_paths_that_leave_the_folder_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    for place in (tmp_path, folder):
        Image.fromarray(GREY).save(place / "a.png")
    (folder / "loop.png").symlink_to(folder / "loop.png")
    (folder / "in.png").symlink_to("a.png")
    assert "leaves the image folder" in refusal(folder, "../a.png")
    assert "leaves the image folder" in refusal(folder, "sub/../../a.png")
    assert "absolute path" in refusal(folder, str(folder / "a.png"))
    assert "not a usable path" in refusal(folder, "loop.png")
    assert "not a usable path" in refusal(folder, "a\x00.png")
    assert "not a usable path" in refusal(folder, "a" * 300 + ".png")
    assert decode(folder, "in.png").pixels.shape == (20, 24)


def test_images_may_be_links_to_where_they_lie(tmp_path: Path) -> None:
    """The full NIH set comes as twelve folders, which people link into one."""
    images, elsewhere = tmp_path / "images", tmp_path / "images_001"
    images.mkdir()
    elsewhere.mkdir()
    Image.fromarray(GREY).save(elsewhere / "a.png")
    (images / "a.png").symlink_to(elsewhere / "a.png")
    (images / "part").symlink_to(elsewhere)
    np.testing.assert_array_equal(decode(images, "a.png").pixels, GREY)
    np.testing.assert_array_equal(decode(images, "part/a.png").pixels, GREY)


def test_the_image_folder_itself_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "real/sub").mkdir(parents=True)
    Image.fromarray(GREY).save(tmp_path / "real/sub/a.png")
    (tmp_path / "images").symlink_to(tmp_path / "real")
    np.testing.assert_array_equal(decode(tmp_path / "images", "sub/a.png").pixels, GREY)


def test_digests_tell_pixels_and_shapes_apart() -> None:
    assert pixel_digest(GREY) == pixel_digest(GREY.copy())
    assert pixel_digest(GREY) != pixel_digest(GREY.reshape(24, 20))
    assert pixel_digest(GREY) != pixel_digest(np.ascontiguousarray(GREY.T))
    other = GREY.copy()
    other[-1, -1] ^= 1
    assert pixel_digest(GREY) != pixel_digest(other)
    assert pixel_digest(GREY.T) == pixel_digest(np.ascontiguousarray(GREY.T))

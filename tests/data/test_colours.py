"""Colour files from the disk to the pack: colours survive where they are kept, grey is repeated."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from PIL import Image
from torchvision import transforms

from bakeoff.config.packing import Packing
from bakeoff.config.schema import Data
from bakeoff.data.colours import as_colours, as_grey, colours_of, is_grey
from bakeoff.data.decoding import examine_images
from bakeoff.data.images import decode
from bakeoff.data.pack import PackedImages, write_pack
from bakeoff.data.resizing import checksum
from bakeoff.errors import DataError

RANDOM = np.random.default_rng(0)
COLOUR = RANDOM.integers(0, 256, (40, 56, 3), dtype=np.uint8)
GREY = RANDOM.integers(0, 256, (40, 56), dtype=np.uint8)


def save(folder: Path, **images: Image.Image) -> list[str]:
    folder.mkdir(exist_ok=True)
    for name, image in images.items():
        image.save(folder / f"{name}.png")
    return [f"{name}.png" for name in images]


def packed(folder: Path, names: list[str], packing: Packing) -> PackedImages:
    target = folder.parent / f"packed{packing.kind}"
    return PackedImages.open(write_pack(folder, names, ["train"] * len(names), packing, target, 1))


def squeezed(pixels: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    image = Image.fromarray(pixels).resize((size, size), Image.Resampling.BICUBIC)
    return np.asarray(image)


def test_a_colour_file_is_decoded_in_its_colours_and_as_grey(tmp_path: Path) -> None:
    save(tmp_path, a=Image.fromarray(COLOUR))
    found = decode(tmp_path, "a.png")
    assert found.colours is not None and found.shown is found.colours
    np.testing.assert_array_equal(found.colours, COLOUR)
    np.testing.assert_array_equal(found.pixels, np.asarray(Image.fromarray(COLOUR).convert("L")))


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "LA", "1"])
def test_a_grey_file_has_no_colours_whatever_its_mode(tmp_path: Path, mode: str) -> None:
    image = Image.fromarray(GREY).convert(mode)
    save(tmp_path, a=image)
    found = decode(tmp_path, "a.png")
    assert found.mode == mode and found.colours is None and found.shown is found.pixels


def test_16_bit_grey_has_no_colours(tmp_path: Path) -> None:
    Image.fromarray(GREY.astype(np.uint16) * 257).save(tmp_path / "a.png")
    found = decode(tmp_path, "a.png")
    assert found.colours is None and found.pixels.tolist() == GREY.tolist()


def test_palettes_and_transparency_keep_their_colours_over_black(tmp_path: Path) -> None:
    clear = Image.fromarray(np.dstack([COLOUR, np.where(GREY > 99, 255, 0).astype(np.uint8)]))
    palette = Image.fromarray(COLOUR).quantize(16)
    save(tmp_path, clear=clear, palette=palette)
    found = decode(tmp_path, "clear.png").colours
    assert found is not None
    np.testing.assert_array_equal(found, COLOUR * (GREY > 99)[..., None])
    shown = decode(tmp_path, "palette.png").colours
    np.testing.assert_array_equal(shown, np.asarray(palette.convert("RGB")))


def test_cmyk_is_colour(tmp_path: Path) -> None:
    Image.fromarray(COLOUR).convert("CMYK").save(tmp_path / "a.jpg", quality=95)
    with Image.open(tmp_path / "a.jpg") as image:
        assert image.mode == "CMYK"
        np.testing.assert_array_equal(
            decode(tmp_path, "a.jpg").colours, np.asarray(image.convert("RGB"))
        )


def test_colours_are_packed_where_they_are_kept_and_grey_is_repeated(tmp_path: Path) -> None:
    folder = tmp_path / "images"
    names = save(folder, colour=Image.fromarray(COLOUR), grey=Image.fromarray(GREY))
    images = packed(folder, names, Packing(16, colours=True))
    assert images.images.shape == (2, 16, 16, 3)
    np.testing.assert_array_equal(images["colour.png"], squeezed(COLOUR, 16))
    np.testing.assert_array_equal(images["grey.png"], as_colours(squeezed(GREY, 16)))
    index = pd.read_csv(tmp_path / "packed-colour/index.csv")
    assert index["colours"].tolist() == [1, 0]
    # A grey image is the same to what trained on it, whichever pack it is in.
    plain = packed(folder, names, Packing(16))
    assert plain.checksums[1] == images.checksums[1]


def test_one_channel_packs_colour_as_it_always_did(tmp_path: Path) -> None:
    folder = tmp_path / "images"
    names = save(folder, colour=Image.fromarray(COLOUR))
    images = packed(folder, names, Packing(16))
    assert images.images.shape == (1, 16, 16)
    np.testing.assert_array_equal(images["colour.png"], squeezed(as_grey(COLOUR), 16))
    assert pd.read_csv(tmp_path / "packed/index.csv")["colours"].tolist() == [1]


def test_images_without_colours_are_packed_grey_though_three_channels_are_asked_for(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "images"
    pictures = {f"g{n}": Image.fromarray(np.roll(GREY, n)).convert("RGB") for n in range(7)}
    names = save(folder, **pictures)
    asked = packed(folder, names, Packing(16, colours=True))
    plain = packed(folder, names, Packing(16))
    assert asked.images.shape == (7, 16, 16) and asked.checksums == plain.checksums
    both = (tmp_path / "packed-colour", tmp_path / "packed")
    for file in ("images.npy", "index.csv"):
        assert (both[0] / file).read_bytes() == (both[1] / file).read_bytes()


@pytest.mark.parametrize("shape", [(40, 56), (57, 40), (40, 40), (23, 90), (300, 211)])
@pytest.mark.parametrize(("size", "crop_pct"), [(32, 0.875), (24, 0.9), (33, 1.0), (224, 0.95)])
def test_a_crop_is_the_square_that_timm_evaluates(
    tmp_path: Path, shape: tuple[int, int], size: int, crop_pct: float
) -> None:
    image = Image.fromarray(RANDOM.integers(0, 256, (*shape, 3), dtype=np.uint8))
    names = save(tmp_path / "images", a=image)
    found = packed(tmp_path / "images", names, Packing(size, True, crop_pct))["a.png"]
    bicubic = transforms.InterpolationMode.BICUBIC
    theirs = transforms.Compose(
        [transforms.Resize(int(size / crop_pct), bicubic), transforms.CenterCrop(size)]
    )
    np.testing.assert_array_equal(found, np.asarray(theirs(image)))


def test_a_stripe_that_cannot_be_cropped_is_named(tmp_path: Path) -> None:
    names = save(tmp_path / "images", stripe=Image.new("L", (60_000, 1)))
    with pytest.raises(DataError, match=r"stripe\.png: 60000 x 1 pixels are a stripe.*squeeze"):
        packed(tmp_path / "images", names, Packing(224, crop_pct=0.875))


def test_what_differs_in_colour_alone_is_not_identical(tmp_path: Path) -> None:
    one, other = np.zeros((2, 8, 8, 3), dtype=np.uint8)
    one[..., 0], other[..., 1] = 100, 51  # of one luma
    names = save(tmp_path, a=Image.fromarray(one), b=Image.fromarray(other), c=Image.fromarray(one))
    facts = examine_images(tmp_path, names, 1)
    assert decode(tmp_path, "a.png").pixels.tolist() == decode(tmp_path, "b.png").pixels.tolist()
    assert facts[0].digest == facts[2].digest != facts[1].digest
    assert all(fact.colours and fact.constant for fact in facts)


def test_grey_and_colour_are_told_apart_by_every_pixel() -> None:
    repeated = as_colours(GREY)
    assert is_grey(GREY) and is_grey(repeated) and not is_grey(COLOUR)
    np.testing.assert_array_equal(as_grey(repeated), GREY)
    assert checksum(repeated) == checksum(GREY) != checksum(COLOUR)
    repeated[-1, -1, 2] ^= 1
    assert not is_grey(repeated) and colours_of(Image.fromarray(repeated)) is not None


def test_real_photographs_keep_their_colours(shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "food-300/train"
    names = [path.relative_to(folder).as_posix() for path in sorted(folder.glob("*/*.jpg"))[::25]]
    images = packed_beside(folder, names, tmp_path)
    assert images.images.shape == (len(names), 64, 64, 3)
    for name in names:
        with Image.open(folder / name) as image:
            theirs = np.asarray(image.convert("RGB").resize((64, 64), Image.Resampling.BICUBIC))
        np.testing.assert_array_equal(images[name], theirs)


def packed_beside(folder: Path, names: list[str], target: Path) -> PackedImages:
    packing = Packing(64, colours=True)
    return PackedImages.open(write_pack(folder, names, ["train"] * len(names), packing, target, 1))


def test_real_x_rays_in_rgba_are_grey(shared_data: Path) -> None:
    data = Data(
        labels=shared_data / "nih-original-24/sample_labels.csv",
        images=shared_data / "nih-original-24/images",
    )
    names = sorted(path.name for path in data.images.iterdir())
    facts = examine_images(data.images, names)
    assert {fact.mode for fact in facts} == {"L", "RGBA"}
    assert not any(fact.colours for fact in facts)

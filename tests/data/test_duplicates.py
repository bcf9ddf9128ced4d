"""Copies look the same however they were encoded; different patients do not."""

import io
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageEnhance

from bakeoff.config.schema import Split
from bakeoff.data.decoding import examine_images
from bakeoff.data.duplicates import NEAR, near_sets, nearest_of, perceptual_hash
from bakeoff.data.images import decode
from bakeoff.data.splits import write_splits
from bakeoff.data.synthesis import synthesize
from tests.data.conftest import MakeData


def differ(one: bytes, other: bytes) -> int:
    ((_, bits),) = nearest_of([one], [other])
    return bits


def encoded(image: Image.Image, quality: int) -> Image.Image:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=quality)
    return Image.open(stream).convert("L")


@pytest.mark.slow(seconds=2)
def test_copies_of_real_images_look_the_same_and_other_images_do_not(shared_data: Path) -> None:
    folder = shared_data / "nih-1000"
    names = sorted(file.name for file in (folder / "images").iterdir())[::20]
    looks = []
    for name in names:
        pixels = decode(folder / "images", name).pixels
        image = Image.fromarray(pixels)
        looks.append(perceptual_hash(pixels))
        for copy in (
            encoded(image, 30),
            encoded(image, 95),
            image.resize((128, 128), Image.Resampling.LANCZOS),
            image.resize((512, 512), Image.Resampling.BICUBIC),
            encoded(image.resize((100, 100)), 50),
            ImageEnhance.Brightness(image).enhance(1.1),
        ):
            assert differ(perceptual_hash(np.asarray(copy)), looks[-1]) <= NEAR, name
    assert min(differ(one, other) for one, other in combinations(looks, 2)) > 2 * NEAR


def test_the_original_is_known_by_its_copy_at_a_quarter_of_its_size(shared_data: Path) -> None:
    originals, small = shared_data / "nih-original-24/images", shared_data / "nih-1000/images"
    names = sorted(file.name for file in originals.iterdir())
    for name in names:
        looks = (perceptual_hash(decode(folder, name).pixels) for folder in (originals, small))
        assert differ(*looks) <= NEAR, name


@pytest.mark.parametrize("count", [0, 1, 2, 600, 1300])
def test_all_near_pairs_are_found_and_no_other(count: int) -> None:
    random = np.random.default_rng(count)
    bits = random.integers(0, 2, (count, 576), dtype=np.uint8)
    expected = []
    for at in range(0, count - 1, 200):  # across the tiles, and at the limit itself
        other = count - 1 - at // 2
        bits[other] = bits[at]
        bits[other, random.choice(576, NEAR, replace=False)] ^= 1
        expected.append([at, other])
    looks = [np.packbits(row).tobytes() for row in bits]
    assert sorted(near_sets(looks)) == sorted(sorted(pair) for pair in expected)
    assert near_sets(looks, NEAR - 1) == []


def test_duplicates_that_were_encoded_again_and_straddle_splits_give_a_warning(
    make_data: MakeData, tmp_path: Path
) -> None:
    data = make_data(["No Finding", "Mass"] * 24)
    table = pd.read_csv(data.labels, dtype=str)
    for row in range(24):  # of each image a JPEG at half its size, of "another" patient
        with Image.open(data.images / f"{row:04}.png") as image:
            encoded(image.resize((120, 100)), 60).save(data.images / f"{row + 24:04}.jpg")
        (data.images / f"{row + 24:04}.png").unlink()
        table.loc[row + 24, "Image Index"] = f"{row + 24:04}.jpg"
    table.to_csv(data.labels, index=False)
    audit = write_splits(data, Split(train=24, val=12, test=12), tmp_path / "splits")
    pairs = [[one.image for one in duplicates] for duplicates in audit.near]
    assert sorted(sorted(pair) for pair in pairs) == [
        [f"{row:04}.png", f"{row + 24:04}.jpg"] for row in range(24)
    ]
    straddling = [
        duplicates for duplicates in audit.near if len({image.split for image in duplicates}) > 1
    ]
    warnings = [warning for warning in audit.warnings if "look the same" in warning]
    assert straddling and len(warnings) == min(len(straddling), 21)
    for image in straddling[0]:
        assert f"{image.image} ({image.split})" in warnings[0]


def test_images_without_anything_on_them_look_like_nothing(
    make_data: MakeData, tmp_path: Path
) -> None:
    data = make_data(["No Finding", "Mass"] * 10)
    for row, grey in enumerate(range(0, 200, 10)):
        Image.fromarray(np.full((20, 24), grey, dtype=np.uint8)).save(data.images / f"{row:04}.png")
    audit = write_splits(data, Split(train=12, val=4, test=4), tmp_path / "splits")
    assert audit.near == [] and len(audit.constant) == 20


@pytest.mark.slow(seconds=3)
def test_the_projects_own_films_are_no_copies_of_each_other(tmp_path: Path) -> None:
    synthesize(tmp_path, images=50, size=96, seed=0)
    names = pd.read_csv(tmp_path / "sample_labels.csv")["Image Index"].tolist()
    assert (
        near_sets([fact.perceptual_hash for fact in examine_images(tmp_path / "images", names)])
        == []
    )

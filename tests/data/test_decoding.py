from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bakeoff.data.decoding import each_image, examine_images
from bakeoff.data.images import Decoded
from bakeoff.errors import DataError


def write(folder: Path, name: str, value: int) -> None:
    pixels = np.full((4, 6), value, dtype=np.uint8)
    pixels[0, 0] = 255
    Image.fromarray(pixels).save(folder / name)


def mean(name: str, image: Decoded) -> float:
    return float(image.pixels.mean())


def out_of_memory(name: str, image: Decoded) -> float:
    if name == "b.png":
        raise MemoryError
    return mean(name, image)


@pytest.mark.slow(seconds=4)
def test_the_known_identical_pair_has_one_digest(shared_data: Path) -> None:
    folder = shared_data / "nih-1000/images"
    names = sorted(path.name for path in folder.iterdir())
    facts = examine_images(folder, names)
    assert [fact.name for fact in facts] == names
    assert {(fact.mode, fact.width, fact.height) for fact in facts} == {("L", 256, 256)}
    digests = [fact.digest for fact in facts]
    identical = [fact.name for fact in facts if digests.count(fact.digest) > 1]
    assert identical == ["00002658_001.png", "00002658_002.png"]


def test_constant_images_are_told_from_others(tmp_path: Path) -> None:
    write(tmp_path, "a.png", 255)
    write(tmp_path, "b.png", 9)
    assert [fact.constant for fact in examine_images(tmp_path, ["a.png", "b.png"])] == [True, False]


def test_every_bad_image_is_in_one_error(tmp_path: Path) -> None:
    write(tmp_path, "good.png", 1)
    (tmp_path / "cut.png").write_bytes((tmp_path / "good.png").read_bytes()[:60])
    (tmp_path / "text.png").write_text("no image")
    names = ["good.png", "cut.png", "none.png", "text.png", "../good.png"]
    with pytest.raises(DataError) as caught:
        examine_images(tmp_path, names)
    message = str(caught.value)
    assert f"{tmp_path}: 4 of 5 images cannot be used" in message
    for reason in ("cut.png: ", "none.png: missing", "text.png: not a", "../good.png: leaves"):
        assert f"\n  {reason}" in message
    assert "\n  good.png" not in message


def test_more_than_twenty_bad_images_are_counted(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        examine_images(tmp_path, [f"{i}.png" for i in range(50)])
    lines = str(caught.value).splitlines()
    assert "50 of 50" in lines[0]
    assert [line.strip() for line in lines[1:21]] == [f"{i}.png: missing" for i in range(20)]
    assert lines[21].strip() == "and 30 more"


def test_bad_images_keep_the_place_of_the_others(tmp_path: Path) -> None:
    write(tmp_path, "a.png", 255)
    results = each_image(mean, tmp_path, ["a.png", "none.png", "a.png"])
    assert [next(results) for _ in range(3)] == [255.0, None, 255.0]
    with pytest.raises(DataError, match="1 of 3 images"):
        next(results)


def test_a_missing_folder_is_one_error_not_one_per_image(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no such folder; data\.images must be"):
        examine_images(tmp_path / "none", ["a.png", "b.png"])


@pytest.mark.parametrize("workers", [1, 2])
def test_whatever_goes_wrong_names_the_image(tmp_path: Path, workers: int) -> None:
    names = ["a.png", "b.png", "c.png"]
    for name in names:
        write(tmp_path, name, 1)
    with pytest.raises(MemoryError) as caught:
        list(each_image(out_of_memory, tmp_path, names, workers))
    assert caught.value.__notes__ == [f"This happened with the image {tmp_path / 'b.png'}."]

"""Lists of images, as ChestX-ray14 has them, say which split each image is of."""

import gzip
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pytest

from bakeoff.config.schema import Data, Split
from bakeoff.data.split_lists import NOBODY, match, read_list
from bakeoff.data.splits import inspect_split, write_splits
from bakeoff.errors import DataError, SplitError
from tests.data.conftest import MakeData
from tests.data.test_given import LABELS, PATIENTS, refusal, rows_of

NAMES = [f"{row:04}.png" for row in range(20)]


def write_list(path: Path, names: Sequence[str]) -> Path:
    """As NIH writes its own: no newline at the end."""
    content = "\n".join(names).encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def lists(folder: Path, train: Sequence[str], test: Sequence[str], **also: Sequence[str]) -> Split:
    given = {
        name: write_list(folder / f"{name}.txt", names)
        for name, names in {"train": train, "test": test, **also}.items()
    }
    return Split(given=given, **({} if "val" in also else {"val": 4}))


def test_lists_say_the_split_and_validation_is_cut_from_training(
    make_data: MakeData, tmp_path: Path
) -> None:
    audit = write_splits(
        make_data(LABELS, PATIENTS), lists(tmp_path, NAMES[:16], NAMES[16:]), tmp_path / "splits"
    )
    rows = rows_of(tmp_path / "splits")
    assert rows["test"] == [*range(16, 20)] and len(rows["val"]) == 4
    assert sorted(rows["train"] + rows["val"]) == [*range(16)]
    assert {row // 2 for row in rows["val"]}.isdisjoint({row // 2 for row in rows["train"]})
    assert audit.warnings == [] and audit.notes == []


def test_a_list_for_validation_is_kept(make_data: MakeData, tmp_path: Path) -> None:
    split = lists(tmp_path, NAMES[:12], NAMES[16:], val=NAMES[12:16])
    write_splits(make_data(LABELS, PATIENTS), split, tmp_path / "splits")
    assert rows_of(tmp_path / "splits")["val"] == [*range(12, 16)]


def test_a_list_that_names_more_than_the_table_has_is_noted(
    make_data: MakeData, tmp_path: Path
) -> None:
    split = lists(tmp_path, [*NAMES[:16], "a.png", "b.png"], NAMES[16:])
    audit = write_splits(make_data(LABELS, PATIENTS), split, tmp_path / "splits")
    assert audit.notes == [
        f"{tmp_path / 'train.txt'} names 2 images that the table does not have: a.png, b.png."
    ]


def test_rows_in_no_list_and_images_in_two_are_refused_by_name(
    make_data: MakeData, tmp_path: Path
) -> None:
    data = make_data(LABELS, PATIENTS)
    message = refusal(data, lists(tmp_path, NAMES[2:16], NAMES[16:]), DataError)
    assert "2 rows of 20 are in none of the lists" in message and "0000.png, 0001.png" in message
    message = refusal(data, lists(tmp_path, NAMES[:17], NAMES[16:]), DataError)
    assert "1 image in two lists (split.given): 0016.png" in message and "train.txt" in message
    message = refusal(data, lists(tmp_path, NAMES, ["z.png"]), SplitError)
    assert "has train 20, val 0, test 0" in message and "z.png" in message


@pytest.mark.parametrize(
    ("listed", "images"),
    [
        (["a.png"], ["a.png"]),
        (["./a.png"], ["a.png"]),
        (["a.png"], ["images_001/images/a.png"]),
        (["images_001/a.png"], ["a.png"]),
        (["dish/a"], ["dish/a.jpg"]),
        (["a"], ["images/a.PNG"]),
        (["1.2.840.1"], ["1.2.840.1.dcm"]),
    ],
)
def test_names_and_paths_with_and_without_endings_mean_an_image(
    tmp_path: Path, listed: list[str], images: list[str]
) -> None:
    found = match({"train": write_list(tmp_path / "train.txt", listed)}, images)
    assert found.of_image.tolist() == [0]


@pytest.mark.parametrize(
    ("listed", "images"),
    [
        (["train/a.png"], ["test/a.png"]),  # two folders are two images
        (["dish/a.jpg"], ["dish/a.png"]),
        (["b.png"], ["a.png"]),
        (["a.png.png"], ["a.png"]),
    ],
)
def test_another_folder_or_ending_is_another_image(
    tmp_path: Path, listed: list[str], images: list[str]
) -> None:
    found = match({"train": write_list(tmp_path / "train.txt", listed)}, images)
    assert found.of_image.tolist() == [NOBODY] and listed[0] in found.notes[0]


def test_a_name_that_may_mean_two_images_is_refused(tmp_path: Path) -> None:
    path = write_list(tmp_path / "train.txt", ["1.jpg"])
    with pytest.raises(DataError, match=r"1\.jpg may mean 2 images of the table, a/1\.jpg, b/1"):
        match({"train": path}, ["a/1.jpg", "b/1.jpg"])


def test_a_list_is_read_as_people_have_it(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_bytes(b"\xef\xbb\xbfa.png\r\n  b.png \r\n\r\nc.png")
    assert read_list(path) == ["a.png", "b.png", "c.png"]
    assert read_list(write_list(tmp_path / "list.txt.gz", NAMES)) == NAMES
    path.write_bytes(b" \n")
    with pytest.raises(DataError, match="names no image"):
        read_list(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="not text in UTF-8"):
        read_list(path)
    with pytest.raises(DataError, match="cannot be read"):
        read_list(tmp_path / "absent.txt")


def test_lists_beside_class_folders_say_the_split(tmp_path: Path) -> None:
    """As Food-101 has them: class and name, without the ending."""
    for label in ("a", "b"):
        (tmp_path / "images" / label).mkdir(parents=True)
        for row in range(6):
            (tmp_path / "images" / label / f"{row}.jpg").touch()
    train = [f"{label}/{row}" for label in "ab" for row in range(4)]
    test = [f"{label}/{row}" for label in "ab" for row in range(4, 6)]
    split = lists(tmp_path, train, test).model_copy(update={"group_by": None})
    data = Data(layout="folders", images=tmp_path / "images", task={"kind": "multiclass"})
    found = inspect_split(data, split)
    assert found.problems == [] and found.labels is not None and found.rows is not None
    tested = found.labels.frame["Image Index"].iloc[found.rows.test]
    assert tested.tolist() == ["a/4.jpg", "a/5.jpg", "b/4.jpg", "b/5.jpg"]
    assert pd.Series(found.labels.labels[found.rows.val]).value_counts().to_dict() == {0: 2, 1: 2}

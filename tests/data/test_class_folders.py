"""Class folders are a table by themselves: what ImageFolder finds, or an error that says what is there."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torchvision.datasets import ImageFolder

from bakeoff.config.experiment import Experiment
from bakeoff.config.schema import Data, Split, Task
from bakeoff.data.class_folders import listing_digest, read_class_folders
from bakeoff.data.readiness import examine
from bakeoff.data.splits import inspect_split, write_splits
from bakeoff.data.tables import read_labels, split_frame
from bakeoff.errors import DataError
from tests.config.test_experiment import config
from tests.data.dicom_files import write_dicom

DISHES = ["apple_pie", "beef_tartare", "bibimbap"]


@pytest.fixture
def food(shared_data: Path) -> Path:
    return shared_data / "food-300"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "images"


def fill(folder: Path, *files: str) -> None:
    """Empty files: nothing here opens one."""
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).touch()


def folders(images: Path, **keys: object) -> Data:
    return Data(layout="folders", images=images, task=Task(kind="multiclass"), **keys)  # type: ignore[arg-type]


def refusal(folder: Path, known: Sequence[str] = ()) -> str:
    with pytest.raises(DataError) as caught:
        read_class_folders(folder, known)
    assert str(caught.value).startswith(str(folder))
    return str(caught.value)


def test_the_real_photographs_are_those_of_image_folder(food: Path) -> None:
    for part, count in (("train", 225), ("test", 75)):
        rows = read_labels(folders(food / part))
        theirs = ImageFolder(food / part)
        assert list(rows.task.classes) == theirs.classes == DISHES
        ours = zip(rows.frame["Image Index"], rows.labels.tolist(), strict=True)
        assert [(str(food / part / name), label) for name, label in ours] == theirs.samples
        assert len(theirs) == count


@pytest.mark.slow(seconds=2)
def test_the_real_photographs_keep_their_split(food: Path, tmp_path: Path) -> None:
    data, split = folders(food), Split(given="folders", val=0.2, group_by=None)
    audit = write_splits(data, split, tmp_path / "splits")
    assert {name: part.rows for name, part in audit.splits.items()} == {
        "train": 180,
        "val": 45,
        "test": 75,
    }
    # Stratified as any split: fifteen of each dish.
    assert audit.splits["val"].counts == dict.fromkeys(DISHES, 15)
    assert audit.leaks == [] and audit.identical == []
    frame = split_frame(tmp_path / "splits/test.csv")
    assert list(frame) == ["Image Index", "class", "split", "label"]
    assert {name.split("/")[0] for name in frame["Image Index"]} == {"test"}
    assert (frame["class"] == frame["label"]).all()


def test_the_real_photographs_fit_a_configuration_without_a_table(food: Path) -> None:
    written = config(
        task={"kind": "multiclass"},
        data={"layout": "folders", "images": str(food)},
        split={"given": "folders", "val": 45},
    )
    ready = examine(Experiment.parse(written))
    assert ready.problems == [] and ready.warnings == []
    assert ready.checked == (
        f"{food} fits the configuration: split as given by the folders of the images, train 180, val 45, "
        "test 75"
    )
    del written["split"]
    # Asked for 600, 200, 200: the lines that fit are of this folder, and its own split is told.
    ready = examine(Experiment.parse(written))
    assert ready.lines == "split: {train: 180, val: 60, test: 60}"
    assert "split.given: folders" in ready.warnings[0]


@pytest.mark.parametrize("val", ["val", "Valid", "VALIDATION"])
def test_splits_are_known_by_their_names(folder: Path, val: str) -> None:
    fill(folder, *(f"{s}/{c}/{i}.png" for s in ("train", val, "Test") for c in "ab" for i in "12"))
    split = Split(given="folders", group_by=None)
    found = inspect_split(folders(folder), split)
    assert found.labels is not None and found.rows is not None, found.problems
    for name, rows in zip(("train", val, "Test"), found.rows, strict=True):
        parts = found.labels.frame["Image Index"].iloc[rows]
        assert parts.str.startswith(f"{name}/").all() and len(parts) == 4


def test_what_programs_leave_behind_is_no_image_and_no_class(folder: Path) -> None:
    fill(folder, "a/1.jpg", "a/below/2.JPEG", "b/1.png", "b/Thumbs.db", "b/._1.png", "b/.DS_Store")
    fill(
        folder, "__MACOSX/a/1.jpg", ".hidden/1.png", "a/.cache/3.jpg", "b/desktop.ini", "b/note.txt"
    )
    fill(folder, "contact sheet.png", "b/@eaDir/1.png", "lost+found/x.png", "b/film.gif", "README")
    found = read_class_folders(folder)
    assert [(image.path, image.label) for image in found.images] == [
        ("a/1.jpg", "a"),
        ("a/below/2.JPEG", "a"),
        ("b/1.png", "b"),
    ]
    # What a person may have put there is told.
    assert found.notes == [
        f"Files in {folder} that are no PNG, JPEG, TIFF, WebP, BMP or DICOM images by their endings, left "
        "out: 1 .gif, 1 .txt."
    ] or found.notes == [
        f"Files in {folder} that are no PNG, JPEG, TIFF, WebP, BMP or DICOM images by their endings, left "
        "out: 1 .txt, 1 .gif."
    ]
    assert found.warnings == [f"{folder}: 1 image in no class folder, left out: contact sheet.png"]


def test_links_to_folders_are_followed_and_loops_end(folder: Path, tmp_path: Path) -> None:
    fill(tmp_path / "elsewhere", "1.png", "2.png")
    fill(folder, "a/1.png")
    (folder / "b").symlink_to(tmp_path / "elsewhere")
    (folder / "a/loop").symlink_to(folder / "a")
    assert [i.path for i in read_class_folders(folder).images] == ["a/1.png", "b/1.png", "b/2.png"]


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (["train/a/1.png", "test/b/1.png", "pizza/1.png"], "splits (test, train) beside others (pizza)"),
        (["train/1.png", "bus/1.png"], "holds folders of splits (train) beside others (bus)"),
        (["train/a/1.png", "train/b/1.png", "val/a/1.png", "valid/a/1.png"], "val and valid name the same"),
        (["train/a/1.png", "train/b/1.png", "test/1.png"], "test holds no class folders"),
        (["train/1.png", "test/2.png"], "test and train hold no class folders"),
        (["test/a/1.png", "val/b/1.png"], "and none is for training"),
        (["a/1.png", "b/note.txt", "c/.x.png"], "2 class folders without a"),
        (["train/a/1.png", "train/b/1.png", "test/a/1.png", "test/b/x.gif"], "test/b (only 1 .gif)"),
        (["a/1.png"], "'a' is the only class"),
        (["train/a/1.png", "test/a/1.png"], "'a' is the only class"),
        (["food/a/1.png", "food/b/1.png"], "data.images: {folder}/food"),
        (["1.png"], "holds no class folders"),
        (["Pizza/1.png", "pizza/1.png", "steak/1.png"], "differ only in case or blanks: Pizza and pizza"),
        (["train/a b/1.png", "train/c/1.png", "test/A  b/1.png"], "test/A  b and train/a b"),
    ],
)  # fmt: skip
def test_what_is_no_folder_of_class_folders_is_said(
    folder: Path, files: list[str], said: str
) -> None:
    fill(folder, *files)
    message = refusal(folder)
    assert said.format(folder=folder) in message
    data = folders(folder)
    (problem,) = inspect_split(data, Split(given="folders", val=2, group_by=None)).problems
    assert problem == ("data.images", message)


def test_a_folder_that_is_not_there_is_one_problem(folder: Path) -> None:
    written = config(task={"kind": "multiclass"}, data={"layout": "folders", "images": str(folder)})
    (problem,) = examine(Experiment.parse(written)).problems
    assert problem.startswith(f"{folder}: no such folder (data.images)")


def test_a_class_that_is_called_like_a_split_can_be_listed(folder: Path) -> None:
    fill(folder, "train/1.png", "bus/1.png", "train/2.png", "bus/2.png")
    assert {image.label for image in read_class_folders(folder, ["bus", "train"]).images} == {
        "bus",
        "train",
    }
    data = Data(
        layout="folders",
        images=folder,
        task=Task(kind="multiclass", classes=("bus", "train")),
    )
    assert read_labels(data).labels.tolist() == [0, 0, 1, 1]


def test_a_class_of_test_that_training_lacks_is_refused(folder: Path) -> None:
    fill(
        folder,
        *(f"train/{c}/{i}.png" for c in "ab" for i in range(4)),
        "test/a/1.png",
        "test/c/1.png",
    )
    (problem,) = inspect_split(
        folders(folder), Split(given="folders", val=2, group_by=None)
    ).problems
    assert "train: none of its 8 rows is of class 'c'" in problem.text
    assert "Correct the folders of the images (split.given)" in problem.text


def test_labels_that_no_configuration_names_are_told_by_their_images(folder: Path) -> None:
    fill(folder, "crack/1.png", "sound/1.png")
    data = Data(layout="folders", images=folder, negative=("sound",), positive=("cracked",))
    (problem,) = inspect_split(data, Split(group_by=None)).problems
    assert "unknown label 'crack' in 1 row: crack/1.png. Did you mean 'cracked'?" in problem.text


def test_class_folders_can_be_a_binary_task(folder: Path) -> None:
    fill(folder, *(f"{c}/{i}.png" for c in ("sound", "crack") for i in range(5)))
    data = Data(layout="folders", images=folder, negative=("sound",), positive=("crack",))
    found = inspect_split(data, Split(train=6, val=2, test=2, group_by=None))
    assert found.problems == [] and found.labels is not None
    assert list(found.labels.frame) == ["Image Index", "class", "Disease"]
    assert found.labels.labels.tolist() == [1] * 5 + [0] * 5


def test_patients_of_the_file_names_stay_together_and_are_in_the_splits(
    folder: Path, tmp_path: Path
) -> None:
    random = np.random.default_rng(0)
    for at in range(24):
        file = folder / "ab"[at // 2 % 2] / f"p{at // 4:02}_{at}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (8, 8), dtype=np.uint8)).save(file)
    written = config(
        task={"kind": "multiclass"},
        data={"layout": "folders", "images": str(folder), "patient_pattern": r"^(p\d+)_"},
        split={"train": 12, "val": 8, "test": 4},
    )
    experiment = Experiment.parse(written)
    audit = write_splits(experiment.data, experiment.split, tmp_path / "splits")
    assert {name: part.patients for name, part in audit.splits.items()} == {
        "train": 3,
        "val": 2,
        "test": 1,
    }
    assert all(overlap.rows == 0 for overlap in audit.overlaps) and audit.warnings == []
    assert list(split_frame(tmp_path / "splits/test.csv")) == [
        "Image Index",
        "class",
        "Patient ID",
        "label",
    ]


def test_patients_of_dicom_headers_stay_together_where_they_are_asked_for(folder: Path) -> None:
    for at in range(8):
        file = folder / "ab"[at % 2] / f"{at}.dcm"
        file.parent.mkdir(parents=True, exist_ok=True)
        write_dicom(file, np.full((4, 4), at, dtype=np.uint16), PatientID=f"P{at // 4}")
    found = read_labels(folders(folder, patient_column="Patient ID"))
    assert found.frame["Patient ID"].tolist() == ["P0", "P0", "P1", "P1"] * 2


def test_a_column_of_patients_that_nothing_has_is_refused_with_the_way_out(folder: Path) -> None:
    fill(folder, "a/1.png", "b/2.png")
    (problem,) = inspect_split(folders(folder, patient_column="Patient ID"), Split()).problems
    assert problem.key == "data.patient_column" and "data.patient_pattern" in problem.text


def test_names_that_do_not_tell_the_patient_are_told(folder: Path) -> None:
    fill(folder, "a/p1_1.png", "b/p2_1.png", "b/x.png")
    data = folders(folder, patient_pattern=r"^(p\d+)_")
    (problem,) = inspect_split(data, Split()).problems
    assert problem.key == "data.patient_pattern"
    assert "finds no patient in the names of 1 of 3 images: b/x.png" in problem.text


def test_images_that_come_and_go_change_the_digest_and_nothing_else_does(folder: Path) -> None:
    fill(folder, "a/1.png", "b/1.png")
    data = folders(folder)
    before = listing_digest(data)
    fill(folder, "a/Thumbs.db", "a/.x.png", "note.txt")
    os.utime(folder / "a/1.png", (0, 0))
    assert listing_digest(data) == before != ""
    fill(folder, "a/2.png")
    assert listing_digest(data) != before
    (folder / "a/2.png").unlink()
    assert listing_digest(data) == before
    shutil.move(folder / "a/1.png", folder / "b/2.png")
    assert listing_digest(data) == ""  # no class folders any more; whoever needs them says so
    assert listing_digest(Data(labels=folder / "labels.csv", images=folder)) == ""

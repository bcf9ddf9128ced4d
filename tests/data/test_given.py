"""A table's own split is kept where it is asked for, and told where it is not."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pytest

from bakeoff.config.digest import data_digest
from bakeoff.config.experiment import Experiment
from bakeoff.config.schema import Data, Split
from bakeoff.data.split_names import split_column, split_named
from bakeoff.data.splits import inspect_split, write_splits
from bakeoff.data.tables import read_split
from bakeoff.errors import BakeoffError, ConfigError, DataError, SplitError
from bakeoff.task.binary import BinaryTask
from tests.config.test_experiment import config
from tests.data.conftest import MakeData

LABELS = ["No Finding", "Mass"] * 10
PATIENTS = [str(row // 2) for row in range(20)]
OWN = ["Training"] * 12 + ["validation"] * 4 + ["TEST"] * 4


def with_column(data: Data, cells: Sequence[str], name: str = "Split") -> Data:
    pd.read_csv(data.labels, dtype=str).assign(**{name: cells}).to_csv(data.labels, index=False)
    return data


def rows_of(folder: Path) -> dict[str, list[int]]:
    parts = ("train", "val", "test")
    names = {
        name: read_split(folder / f"{name}.csv", BinaryTask()).frame["Image Index"]
        for name in parts
    }
    return {name: [int(image[:4]) for image in images] for name, images in names.items()}


def refusal(data: Data, split: Split, kind: type[BakeoffError]) -> str:
    with pytest.raises(kind) as caught:
        write_splits(data, split, data.labels.parent / "splits")
    assert not (data.labels.parent / "splits").exists()
    return str(caught.value)


def test_the_tables_own_split_is_made_exactly(make_data: MakeData, tmp_path: Path) -> None:
    data = with_column(make_data(LABELS, PATIENTS), OWN)
    audit = write_splits(data, Split(given="Split"), tmp_path / "splits")
    assert rows_of(tmp_path / "splits") == {
        "train": [*range(12)],
        "val": [*range(12, 16)],
        "test": [*range(16, 20)],
    }
    assert audit.warnings == []
    made = audit.split
    assert (made["given"], made["train"], made["val"], made["test"]) == ("Split", 12, 4, 4)


def test_a_given_split_that_parts_patients_is_refused_unless_that_is_allowed(
    make_data: MakeData, tmp_path: Path
) -> None:
    patients = ["0", *PATIENTS[1:18], "0", "1"]
    data = with_column(make_data(LABELS, patients), OWN)
    leak = "2 of 4 test rows (50%) are of 2 patients that are also in train"
    message = refusal(data, Split(given="Split"), SplitError)
    assert leak in message and "split.allow_leaks: true" in message
    # Before anything is decoded: plan, doctor and the start of Snakemake say it.
    (problem,) = inspect_split(data, Split(given="Split")).problems
    assert problem.key == "split.given" and leak in problem.text
    audit = write_splits(data, Split(given="Split", allow_leaks=True), tmp_path / "splits")
    assert audit.warnings == audit.leaks == [leak]


def test_an_image_in_two_parts_of_a_given_split_is_refused_unless_that_is_allowed(
    make_data: MakeData, tmp_path: Path
) -> None:
    data = with_column(make_data(LABELS, PATIENTS), OWN)
    shutil.copy(data.images / "0002.png", data.images / "0018.png")  # train, test
    shutil.copy(data.images / "0003.png", data.images / "0005.png")  # both train
    leak = "0002.png (train) and 0018.png (test) are pixel-identical"
    message = refusal(data, Split(given="Split"), SplitError)
    assert leak in message and "0003.png" not in message
    audit = write_splits(data, Split(given="Split", allow_leaks=True), tmp_path / "splits")
    assert audit.leaks == [leak]
    assert audit.warnings == [leak, "0003.png (train) and 0005.png (train) are pixel-identical"]


def test_what_we_cut_from_training_leaks_into_nothing_that_was_given(
    make_data: MakeData, tmp_path: Path
) -> None:
    """By rows, as it was asked for: patients and images that only training had are warned of."""
    data = with_column(make_data(LABELS, PATIENTS), ["train"] * 16 + ["test"] * 4)
    for row in range(0, 16, 2):
        shutil.copy(data.images / f"{row:04}.png", data.images / f"{row + 1:04}.png")
    split = Split(given="Split", val=4, group_by=None)
    audit = write_splits(data, split, tmp_path / "splits")
    assert audit.leaks == []
    assert any("patients that are also in train" in warning for warning in audit.warnings)
    assert any("(val) are pixel-identical" in warning for warning in audit.warnings)


def test_a_drawn_split_with_an_image_twice_is_warned_of_as_ever(
    make_data: MakeData, tmp_path: Path
) -> None:
    data = make_data(LABELS, PATIENTS)
    for row in range(1, 20):
        shutil.copy(data.images / "0000.png", data.images / f"{row:04}.png")
    audit = write_splits(data, Split(train=12, val=4, test=4), tmp_path / "splits")
    assert audit.leaks == [] and "are pixel-identical" in audit.warnings[0]


@pytest.mark.parametrize(("share", "rows"), [(0.25, 4), (0.3, 4), (0.35, 6), (0.01, 2), (0.99, 14)])
def test_a_share_for_validation_is_the_nearest_that_whole_patients_allow(
    make_data: MakeData, tmp_path: Path, share: float, rows: int
) -> None:
    data = with_column(make_data(LABELS, PATIENTS), ["train"] * 16 + ["test"] * 4)
    write_splits(data, Split(given="Split", val=share), tmp_path / "splits")
    made = rows_of(tmp_path / "splits")
    assert len(made["val"]) == rows
    assert sorted(made["train"] + made["val"]) == [*range(16)]
    assert {row // 2 for row in made["val"]}.isdisjoint({row // 2 for row in made["train"]})


def test_a_number_for_validation_that_whole_patients_do_not_allow_is_refused(
    make_data: MakeData,
) -> None:
    data = with_column(make_data(LABELS, PATIENTS), ["train"] * 16 + ["test"] * 4)
    assert "val 5 cannot be had exactly" in refusal(data, Split(given="Split", val=5), SplitError)


def test_the_first_folder_of_a_tables_images_says_the_split(
    make_data: MakeData, tmp_path: Path
) -> None:
    """Also of a table with bare names, whose files are below."""
    data = make_data(LABELS, PATIENTS)
    names = pd.read_csv(data.labels, dtype=str)["Image Index"]
    for name, split in zip(names, OWN, strict=True):
        place = data.images / split / "images"
        place.mkdir(parents=True, exist_ok=True)
        (data.images / name).rename(place / name)
    write_splits(data, Split(given="folders"), tmp_path / "bare")
    expected = {"train": [*range(12)], "val": [*range(12, 16)], "test": [*range(16, 20)]}
    assert rows_of(tmp_path / "bare") == expected
    with_paths = pd.read_csv(data.labels, dtype=str)
    with_paths["Image Index"] = [
        f"./{split}/images/{name}" for name, split in zip(names, OWN, strict=True)
    ]
    with_paths.to_csv(data.labels, index=False)
    (inspected := inspect_split(data, Split(given="folders")))
    assert inspected.rows is not None
    assert [rows.tolist() for rows in inspected.rows] == list(expected.values())
    (data.images / "TEST").rename(data.images / "held")
    assert "0016.png" in refusal(data, Split(given="folders"), DataError)


def test_a_column_that_is_called_folders_can_be_named(make_data: MakeData, tmp_path: Path) -> None:
    data = with_column(make_data(LABELS, PATIENTS), OWN, "folders")
    write_splits(data, Split(given={"column": "folders"}), tmp_path / "splits")
    assert rows_of(tmp_path / "splits")["test"] == [*range(16, 20)]
    assert "no split" in inspect_split(data, Split(given="folders")).problems[0].text


def test_validation_is_taken_from_training_where_the_table_has_none(
    make_data: MakeData, tmp_path: Path
) -> None:
    data = with_column(make_data(LABELS, PATIENTS), ["train"] * 16 + ["test"] * 4)
    message = refusal(data, Split(given="Split"), SplitError)
    assert "has train 16, val 0, test 4" in message and "split.val: 3" in message
    audit = write_splits(data, Split(given="Split", val=4), tmp_path / "splits")
    rows = rows_of(tmp_path / "splits")
    assert rows["test"] == [*range(16, 20)]
    assert sorted(rows["train"] + rows["val"]) == [*range(16)]
    assert len(rows["val"]) == 4
    # Whole patients, at the prevalence of the table.
    assert {row // 2 for row in rows["val"]}.isdisjoint({row // 2 for row in rows["train"]})
    assert audit.warnings == []


def test_a_split_of_the_table_that_is_not_used_gives_a_warning(
    make_data: MakeData, tmp_path: Path
) -> None:
    data = with_column(make_data(LABELS, PATIENTS), OWN, "Subset")
    split = Split(train=12, val=4, test=4)
    (warning,) = write_splits(data, split, tmp_path / "splits").warnings
    assert "column 'Subset' says itself" in warning
    assert "(12 train, 4 val, 4 test)" in warning
    assert "split.given: Subset" in warning
    # Without opening an image, and though something else is wrong.
    assert inspect_split(data, split).warnings == [warning]
    assert inspect_split(data, Split(group_by="Nobody")).warnings == [warning]


@pytest.mark.parametrize(
    ("cells", "found"),
    [
        (["train", "test"], True),
        (["TRAINING ", "Validation"], True),
        (["tr", "te", "dev", "hold-out"], True),
        (["train", "train"], False),  # of a table that is all for training nothing is lost
        (["train", "test", "other"], False),
        (["train", ""], False),
        (["0", "1"], False),
    ],
)
def test_a_split_is_known_by_its_words(cells: list[str], found: bool) -> None:
    frame = pd.DataFrame({"Image Index": [f"{i}.png" for i in range(len(cells))], "x": cells})
    assert split_column(frame) == ("x" if found else None)


def test_cells_that_name_no_split_are_named(make_data: MakeData) -> None:
    data = with_column(make_data(LABELS, PATIENTS), [*OWN[:18], "", "maybe"])
    message = refusal(data, Split(given="Split"), DataError)
    assert "names no split in 2 rows: line 20 (''), line 21 ('maybe')" in message


def test_sizes_beside_a_given_split_are_refused(make_data: MakeData) -> None:
    with pytest.raises(ConfigError, match="leave out 'train' and 'test'"):
        Experiment.parse(config(split={"given": "Split", "train": 2, "test": 2}))
    data = with_column(make_data(LABELS, PATIENTS), OWN)
    assert "leave split.val out" in refusal(data, Split(given="Split", val=4), SplitError)
    message = refusal(data, Split(given="Splitt"), DataError)
    assert "no column 'Splitt' (split.given)" in message and "Did you mean 'Split'?" in message


def test_a_given_split_without_a_class_is_refused(make_data: MakeData) -> None:
    data = with_column(
        make_data(LABELS, PATIENTS), [("train", "test")[row % 2] for row in range(20)]
    )
    message = refusal(data, Split(given="Split", val=4), SplitError)
    assert "of class" in message


def test_an_experiment_that_gives_no_split_keeps_its_digest() -> None:
    plain = Experiment.parse(config())
    given = Experiment.parse(config(split={"given": "Split"}))
    assert data_digest(plain.data, plain.split) != data_digest(given.data, given.split)
    assert "given" not in plain.split.model_dump(exclude_defaults=True)
    # As earlier versions wrote a column, and however it is written now.
    named = Experiment.parse(config(split={"given": {"column": "Split"}}))
    assert given.split.model_dump(mode="json", exclude_defaults=True)["given"] == "Split"
    assert data_digest(named.data, named.split) == data_digest(given.data, given.split)


@pytest.mark.parametrize(
    ("split", "said"),
    [
        ({"given": {}}, "split.given: expected a column"),
        ({"given": {"train": "a.txt"}}, "split.given: expected lists for train and test"),
        ({"given": {"column": "a", "train": "b", "test": "c"}}, "split.given: expected a column"),
        ({"given": {"colum": "a"}}, "split.given.colum: unknown key. Did you mean 'column'?"),
        ({"val": 0.2}, "'val: 0.2' is a share of the training images of a split that is given"),
        (
            {"given": "a", "val": 1},
            "split.val: expected a number of images, at least 2, or a share",
        ),
        ({"given": "a", "val": 1.5}, "split.val: expected a number of images, at least 2"),
        ({"allow_leaks": True}, "'allow_leaks' is of a split that is given"),
    ],
)
def test_what_says_no_split_is_refused_with_what_would(split: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Experiment.parse(config(split=split), "file.yaml")
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "given", ["Split", "folders", {"column": "folders"}, {"train": "a.txt", "test": "b.txt"}]
)
def test_a_runs_own_configuration_has_the_same_split(given: object) -> None:
    split = Experiment.parse(config(split={"given": given, "val": 0.25})).split
    again = Experiment.parse(config(split=split.settings())).split
    assert again == split


def test_words_are_read_without_case_and_punctuation() -> None:
    assert split_named(" Hold-Out ") == "test"
    assert split_named("fold 1") is None

"""A table's own split is kept where it is asked for, and told where it is not."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pytest

from bakeoff.config.digest import data_digest
from bakeoff.config.experiment import Experiment
from bakeoff.config.schema import Data, Split
from bakeoff.data.given import split_column, split_named
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


def test_a_given_split_that_parts_patients_is_made_and_warned_of(
    make_data: MakeData, tmp_path: Path
) -> None:
    patients = ["0", *PATIENTS[1:18], "0", "1"]
    data = with_column(make_data(LABELS, patients), OWN)
    audit = write_splits(data, Split(given="Split"), tmp_path / "splits")
    assert audit.warnings == ["2 of 4 test rows (50%) are of 2 patients that are also in train"]


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


def test_words_are_read_without_case_and_punctuation() -> None:
    assert split_named(" Hold-Out ") == "test"
    assert split_named("fold 1") is None

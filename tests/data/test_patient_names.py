"""File names tell the patients where no column does, and whoever is on an image stays in one split."""

from pathlib import Path

import pandas as pd
import pytest

from bakeoff.config.experiment import Experiment
from bakeoff.config.schema import Data, Split
from bakeoff.data.readiness import examine
from bakeoff.data.splits import inspect_split, write_splits
from bakeoff.data.tables import read_labels, split_frame
from bakeoff.errors import ConfigError, DataError
from tests.config.test_experiment import config
from tests.data.conftest import MakeData
from tests.data.test_given import LABELS

PATTERN = r"^(\d{3})\d"  # `0012.png` is of patient 001: ten images each
SPLIT = Split(train=10, val=4, test=6, group_by=None)


def named(data: Data, **keys: object) -> Data:
    """The same table and images, and patients by file names."""
    written = {"labels": data.labels, "images": data.images, "patient_pattern": PATTERN, **keys}
    return Data.model_validate(written)


def without_patients(data: Data) -> None:
    pd.read_csv(data.labels, dtype=str).drop(columns="Patient ID").to_csv(data.labels, index=False)


def test_patients_of_file_names_are_a_column_of_the_splits(
    make_data: MakeData, tmp_path: Path
) -> None:
    made = make_data(["No Finding", "Mass"] * 15)
    without_patients(made)
    written = config(
        data={
            "labels": str(made.labels),
            "images": str(made.images),
            "patient_column": None,
            "patient_pattern": PATTERN,
        },
        split={"train": 10, "val": 10, "test": 10},
    )
    experiment = Experiment.parse(written)
    ready = examine(experiment)
    assert ready.problems == [] and "(3 patients, none in two of them)" in ready.checked
    audit = write_splits(experiment.data, experiment.split, tmp_path / "splits")
    assert [part.patients for part in audit.splits.values()] == [1, 1, 1]
    frame = split_frame(tmp_path / "splits/test.csv")
    assert list(frame)[-2:] == ["Patient ID", "Disease"]
    assert (frame["Patient ID"] == frame["Image Index"].str[:3]).all()
    # A split's own table has the column already, and is labels again.
    again = named(made, labels=tmp_path / "splits/test.csv")
    assert read_labels(again).frame["Patient ID"].tolist() == frame["Patient ID"].tolist()


def test_names_that_tell_no_patient_are_refused(make_data: MakeData) -> None:
    made = make_data(LABELS)
    without_patients(made)
    (problem,) = inspect_split(named(made, patient_pattern=r"^(001\d)"), SPLIT).problems
    assert problem.key == "data.patient_pattern"
    assert "finds no patient in the names of 10 of 20 images: 0000.png" in problem.text


def test_a_column_that_says_otherwise_is_refused_with_what_to_write(make_data: MakeData) -> None:
    made = make_data(LABELS)
    with pytest.raises(DataError) as caught:
        read_labels(named(made))
    assert "column 'Patient ID' is not what data.patient_pattern" in str(caught.value)
    rows = read_labels(named(made, patient_column="Person"))
    assert rows.frame["Person"].tolist() == ["000"] * 10 + ["001"] * 10


def test_a_pattern_without_its_group_is_refused(make_data: MakeData) -> None:
    data = {"labels": "l.csv", "images": "i", "patient_pattern": r"^\d+"}
    with pytest.raises(ConfigError, match=r"data\.patient_pattern: .* needs one group"):
        Experiment.parse(config(data=data))

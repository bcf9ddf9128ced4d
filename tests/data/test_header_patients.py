"""Where the table does not say who is on an image, the DICOM headers do."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from bakeoff.config.schema import Data, Split
from bakeoff.data.splits import write_splits
from bakeoff.data.tables import inspect_labels, read_labels
from bakeoff.errors import DataError
from tests.data.dicom_files import write_dicom

ROWS = 24


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """DICOM files of twelve patients in folders below, and a table without patients."""
    draw = np.random.default_rng(0)
    for row in range(ROWS):
        file = tmp_path / f"images/series_{row % 3}/{row:03}.dcm"
        file.parent.mkdir(parents=True, exist_ok=True)
        pixels = draw.integers(0, 4096, (16, 16), dtype=np.uint16)
        write_dicom(file, pixels, PatientID=f"P{row // 2}")
    labels = ["No Finding", "Mass"] * (ROWS // 2)
    table = pd.DataFrame({"Image Index": [f"{row:03}.dcm" for row in range(ROWS)]})
    table.assign(**{"Finding Labels": labels}).to_csv(tmp_path / "labels.csv", index=False)
    return tmp_path


def data(folder: Path, **keys: object) -> Data:
    where = {"labels": folder / "labels.csv", "images": folder / "images"}
    return Data(**where, **keys)  # type: ignore[arg-type]


def test_patients_of_the_headers_stay_in_one_split(folder: Path) -> None:
    write_splits(data(folder), Split(train=12, val=6, test=6), folder / "splits")
    whose = {
        name: set(pd.read_csv(folder / f"splits/{name}.csv")["Patient ID"])
        for name in ("train", "val", "test")
    }
    assert [len(whose[name]) for name in whose] == [6, 3, 3]
    assert set.union(*whose.values()) == {f"P{patient}" for patient in range(12)}


def test_the_tables_own_column_comes_first_and_none_is_none(folder: Path) -> None:
    table = pd.read_csv(folder / "labels.csv", dtype=str)
    assert "Patient ID" not in read_labels(data(folder, patient_column=None)).frame
    table.assign(**{"Patient ID": "own"}).to_csv(folder / "labels.csv", index=False)
    assert set(read_labels(data(folder)).frame["Patient ID"]) == {"own"}


def test_headers_that_name_nobody_or_everybody_alike_are_refused(folder: Path) -> None:
    file = folder / "images/series_0/000.dcm"
    write_dicom(file, np.zeros((16, 16), np.uint16), PatientID="")
    (folder / "images/series_1/001.dcm").unlink()
    Image.new("L", (16, 16)).save(folder / "images/series_2/002.dcm", format="PNG")
    found = inspect_labels(data(folder))
    assert found.rows is None and [one.key for one in found.problems] == ["data.patient_column"]
    with pytest.raises(DataError) as caught:
        read_labels(data(folder))
    message = str(caught.value)
    assert (
        "no column 'Patient ID' (data.patient_column), and in the DICOM headers of 3 of" in message
    )
    assert "000.dcm, 001.dcm, 002.dcm" in message and "data.patient_column: null" in message
    for row in range(ROWS):
        write_dicom(
            folder / f"images/series_{row % 3}/{row:03}.dcm",
            np.zeros((16, 16), np.uint16),
            PatientID="ANON",
        )
    with pytest.raises(DataError, match="the same Patient ID, 'ANON': it seems to have been taken"):
        read_labels(data(folder))


def test_a_table_of_other_images_still_has_to_name_its_patients(folder: Path) -> None:
    for row in range(ROWS):
        file = folder / f"images/series_{row % 3}/{row:03}.dcm"
        Image.new("L", (16, 16)).save(file, format="PNG")
    with pytest.raises(DataError, match=r"no column 'Patient ID' \(data\.patient_column\)\. There"):
        read_labels(data(folder))

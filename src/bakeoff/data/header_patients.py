"""Who is on an image by its DICOM header, where no table says it."""

import warnings
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from bakeoff.data.csv_table import Table
from bakeoff.data.dicom import PREAMBLE, dicom_patient, is_dicom
from bakeoff.data.locating import find
from bakeoff.data.patients import is_missing_id
from bakeoff.errors import DataError
from bakeoff.wording import listed

if TYPE_CHECKING:
    from bakeoff.config.schema import Data


def with_header_patients(table: Table, data: "Data") -> Table:
    """The table with `data.patient_column`, from the images' headers where it has no such column.

    As it is where it has the column, none is asked for, or its first image is no DICOM file. Raises
    DataError where headers name nobody, or the same one throughout, as those without identities do.
    """
    column, frame = data.patient_column, table.frame
    if column is None or column in frame or data.image_column not in frame:
        return table
    names = [name for name in frame[data.image_column] if name]
    places = find(data.images, names, data.suffix)
    first = next(iter(places.found.values()), None)
    if first is None or not _starts_as_dicom(data.images / first):
        return table
    ids = {name: header_patient(data.images / place) for name, place in places.found.items()}
    asked = f"{data.labelled_by}: no column '{column}' (data.patient_column), and in the DICOM headers of"
    way_out = "Add the column, or split by rows: data.patient_column: null, split.group_by: null."
    if unknown := [name for name in names if is_missing_id(ids.get(name, ""))]:
        raise DataError(
            f"{asked} {len(unknown)} of the {len(names)} images there is no Patient ID: {listed(unknown)}. "
            + (places.advice or way_out)
        )
    if len(names) > 1 and len(set(ids.values())) == 1:
        raise DataError(
            f"{asked} all {len(names)} images there is the same Patient ID, {ids[names[0]]!r}: it seems "
            f"to have been taken out. {way_out}"
        )
    patients = frame[data.image_column].map(ids).fillna("").astype("str")
    return Table(pd.concat([frame, patients.rename(column)], axis=1), table.lines)


def header_patient(file: Path) -> str:
    """The Patient ID of a file's DICOM header; "" where it is none, cannot be read or has no id."""
    try:
        found = file.stat()
    except OSError:
        return ""
    return _patient(file, (found.st_size, found.st_mtime_ns))


@cache  # a table is looked at several times before it is split
def _patient(file: Path, stamp: tuple[int, int]) -> str:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pydicom's, of other elements of the header
            return dicom_patient(file) if _starts_as_dicom(file) else ""
    except Exception:  # pydicom raises whatever a broken element makes it raise
        return ""


def _starts_as_dicom(file: Path) -> bool:
    try:
        with file.open("rb") as stream:
            return is_dicom(stream.read(PREAMBLE))
    except OSError:
        return False

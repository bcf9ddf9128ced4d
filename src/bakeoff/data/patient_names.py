"""Patients by the names of image files, where no column has them."""

import re
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from bakeoff.data.csv_table import Table
from bakeoff.data.patients import canonical_names, is_missing_id
from bakeoff.errors import DataError
from bakeoff.wording import listed

if TYPE_CHECKING:
    from bakeoff.config.schema import Data


def patients_by_name(names: Sequence[str], pattern: str) -> dict[str, str]:
    """The first group of `pattern` in the last part of each path, where it is found."""
    matches = {name: re.search(pattern, PurePosixPath(name).name) for name in names}
    found = {name: match[1] for name, match in matches.items() if match}
    return {name: patient for name, patient in found.items() if not is_missing_id(patient or "")}


def with_patients(table: Table, data: "Data", pattern: str) -> Table:
    """The table with the column `data.patient_column`, made of the names of its images by `pattern`.

    A split's own CSV, which has it already, keeps it. Raises DataError for names that do not tell the
    patient, and for a column of that name that says otherwise.
    """
    frame, column = table.frame, data.patient_column
    if data.image_column not in frame:
        return table
    images = frame[data.image_column]
    found = patients_by_name(images.tolist(), pattern)
    if unknown := [name for name in images if name not in found]:
        raise DataError(
            f"{data.labelled_by}: data.patient_pattern {pattern!r} finds no patient in the names of "
            f"{len(unknown)} of {len(images)} images: {listed(unknown)}. Correct the pattern, whose one "
            "group is the patient, or leave it out."
        )
    patients = images.map(found)
    if column in frame:
        if (canonical_names(frame[column]) == canonical_names(patients)).all():
            return table
        raise DataError(
            f"{data.labelled_by}: column '{column}' is not what data.patient_pattern {pattern!r} finds in "
            "the images' names. Leave out data.patient_pattern to take patients from the column, or name "
            "another column for those of the names: data.patient_column: Patient"
        )
    return Table(frame.assign(**{str(column): patients}), table.lines)

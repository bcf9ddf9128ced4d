"""The patients of an unlabelled folder: none of them may be in the test split."""

import posixpath
from collections.abc import Mapping, Sequence
from pathlib import Path

from bakeoff.config.experiment import Experiment
from bakeoff.config.pretraining import Pretraining
from bakeoff.config.schema import Data
from bakeoff.data.csv_table import require_column
from bakeoff.data.grouping import equations
from bakeoff.data.header_patients import header_patient
from bakeoff.data.locating import find
from bakeoff.data.patient_names import patients_by_name
from bakeoff.data.patients import canonical, identify, is_missing_id
from bakeoff.data.table_files import read_table
from bakeoff.data.tables import split_frame
from bakeoff.errors import DataError
from bakeoff.layout import Layout, SplitName
from bakeoff.wording import listed


def patients_of_folder(
    names: Sequence[str], pretraining: Pretraining, data: Data
) -> dict[str, str]:
    """The patient of each image of the unlabelled folder: by table or file name, else by its DICOM header.

    Raises DataError for images of unknown patients: they could be of the test split.
    """
    settings = pretraining.masking
    if settings.patients is None:
        pattern = settings.patient_pattern
        source = f"the file's name, by {pretraining.key}.patient_pattern {pattern!r}"
        found = patients_by_name(names, pattern)
    else:
        source = str(settings.patients)
        found = _patients_by_table(settings.patients, data)
        if (
            not set(names) <= found.keys()
        ):  # the table may have bare names of files in folders below
            places = find(pretraining.folder, found, data.suffix).found
            found |= {place: found[name] for name, place in places.items()}
    for name in names:
        if name not in found and not is_missing_id(
            patient := header_patient(pretraining.folder / name)
        ):
            found[name] = patient
    if unknown := [name for name in names if name not in found]:
        raise DataError(
            f"{pretraining.folder}: the patient of {len(unknown)} of {len(names)} images is not known "
            f"from {source}: {listed(unknown)}. They could be patients of the test split. Name them in "
            f"a CSV ({pretraining.key}.patients), or take the images out."
        )
    return {name: found[name] for name in names}


def refuse_patients_of_test(
    names: Sequence[str], pretraining: Pretraining, experiment: Experiment, layout: Layout
) -> dict[str, str]:
    """Raise DataError if a patient of the folder has an image in the test split, or may have one.

    Ids that are equal but for case, zeros, blanks or punctuation may be one patient's, as `data.similar_ids`
    decides. Returns the folder's images that show patients of the validation split, with the
    patient: those only make the choice of the best epoch a little optimistic.
    """
    data = experiment.data
    ids = patients_of_folder(names, pretraining, data)
    test = _patients_of_split("test", pretraining, data, layout)
    val = _patients_of_split("val", pretraining, data, layout)
    who = identify([*ids.values(), *test, *val], data.similar_ids)
    patients = {name: who.name_of[one] for name, one in ids.items()}
    tested = {who.name_of[one] for one in test}
    if shared := {name: patient for name, patient in patients.items() if patient in tested}:
        raise DataError(
            f"{pretraining.folder}: {len(set(shared.values()))} patients of the test split have "
            f"{len(shared)} images here: {_described(shared)}. A model that was pretrained on them is not "
            "tested on new patients. Take these images out."
        )
    here = set(patients.values())
    unsure = [ones for ones in who.similar if here & set(ones) and tested & set(ones)]
    if unsure and data.similar_ids is None:
        raise DataError(
            f"{pretraining.folder}: {len(unsure)} patients here may be patients of the test split, whose "
            f"ids are equal but for case, zeros, blanks or punctuation: {equations(unsure)}. If they are "
            "the same, take their images out; if not, write data.similar_ids: distinct."
        )
    validated = {who.name_of[one] for one in val}
    return {name: patient for name, patient in patients.items() if patient in validated}


def _patients_by_table(table: Path, data: Data) -> dict[str, str]:
    if data.patient_column is None:
        raise DataError(
            f"{table}: data.patient_column is null, so nobody knows which column names the patient."
        )
    columns = (data.image_column, data.patient_column)
    frame, _ = read_table(table, None, data.separator, data.encoding, columns)
    require_column(frame, data.image_column, table, "data.image_column")
    require_column(frame, data.patient_column, table, "data.patient_column")
    found: dict[str, str] = {}
    for image, patient in zip(frame[data.image_column], frame[data.patient_column], strict=True):
        name = posixpath.normpath(image)  # `./a.png` is `a.png`
        if canonical(found.get(name, patient)) != canonical(patient):
            raise DataError(
                f"{table}: {image} is of two patients, {found[name]} and {patient}. Correct the table."
            )
        if not is_missing_id(patient):
            found[name] = patient
    return found


def _patients_of_split(
    split: SplitName, pretraining: Pretraining, data: Data, layout: Layout
) -> set[str]:
    """The patients of a split; DataError where neither a column nor the file names have them."""
    file = layout.split(split)
    rows = split_frame(file)
    if data.patient_column is not None:
        require_column(rows, data.patient_column, file, "data.patient_column")
        return set(rows[data.patient_column])
    names = list(rows[data.image_column])
    found = patients_by_name(names, pretraining.masking.patient_pattern)
    if unknown := [name for name in names if name not in found]:
        raise DataError(
            f"{file}: the data has no patients (data.patient_column: null), and the names of "
            f"{len(unknown)} images do not tell them: {listed(unknown)}. Whether the unlabelled folder "
            "shares one cannot be known; pretrain on the training split instead (leave 'images' out)."
        )
    return set(found.values())


def _described(images: Mapping[str, str]) -> str:
    return listed([f"{name} (patient {patient})" for name, patient in images.items()])

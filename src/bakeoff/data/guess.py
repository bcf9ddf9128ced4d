"""Guesses about a table: which columns hold images, labels, patients and splits, and what is asked of them.

A guess is only proposed, as lines to write (`bakeoff plan`, `doctor`) or in a commented file that a
person can correct (`bakeoff init`); no stage acts on one.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import pandas as pd

from bakeoff.config.schema import NIH_PATIENT
from bakeoff.data.below import files_below
from bakeoff.data.image_kinds import SUFFIXES
from bakeoff.data.patient_names import patients_by_name
from bakeoff.data.split_names import split_column
from bakeoff.task.binary import BinaryTask
from bakeoff.task.labels import labels_in
from bakeoff.task.likely import Likely, likely_findings, likely_tasks, means_nothing, says_yes_or_no

IMAGE_NAMES = ("image", "img", "file", "filename", "path", "picture", "photo", "scan", "slide")
LABEL_NAMES = ("label", "labels", "class", "target", "diagnosis", "finding", "findings",
               *map(str.lower, BinaryTask().label_columns),  # a split's own CSV has it
               "category", "species", "grade", "outcome", "dx", "y")  # fmt: skip
PATIENT_NAMES = ("patient", "subject", "participant", "person", "mrn", "pid")
NO_FINDINGS = ("sex", "gender", "male", "female", "smoker", "id", "fold", "view", "frontal", "side")
"""Names of columns that say yes or no of something else than an image's findings."""

MOST_LABELS = 50
"""Different values that a column of labels has at most, or a third of the rows where its name says so."""

MOST_FILES = 200_000
"""Files of a folder that are listed at most, to guess from."""

PATIENT_PATTERNS = (NIH_PATIENT, r"^(sub-[A-Za-z0-9]+)_", r"^([A-Za-z]+[-_]?\d+)_", r"^(\d+)_")
"""How file names begin with a patient: `00000013_005`, `sub-01_T1w`, `P012_3`, `417_left`."""


class Guess(NamedTuple):
    """Columns of a table, None where nothing fits, and what may be asked of its images, likeliest first."""

    image: str | None
    label: str | None  # None, too, where each finding has a column of its own
    patient: str | None
    split: str | None
    tasks: tuple[Likely, ...]


def guess(
    frame: pd.DataFrame, files: Iterable[str] = (), known: Mapping[str, str | None] | None = None
) -> Guess:
    """What the columns of `frame` (cells as text) are; `files` are the image folder's, by their paths in it.

    `known` maps `image`, `label` and `patient` to columns that are right already and keep their role.
    """
    known = known or {}
    taken: list[str | None] = list(known.values())
    image = known.get("image") or _image_column(frame, files, taken)
    patient = known.get("patient") or _column_named(frame, PATIENT_NAMES, [*taken, image])
    split = split_column(frame.drop(columns=[one for one in (*taken, image, patient) if one]))
    free = [str(one) for one in frame if one not in (*taken, image, patient, split)]
    label = known.get("label") or _label_column(frame, free)
    if label is not None:
        return Guess(image, label, patient, split, tuple(likely_tasks(frame[label].tolist())))
    findings = _finding_columns(frame, free)
    tasks = [likely_findings({one: frame[one].tolist() for one in findings})] if findings else []
    return Guess(image, None, patient, split, tuple(tasks))


def called_as_labels(frame: pd.DataFrame, guessed: Guess) -> str | None:
    """The column whose name is one for labels, whatever it holds; None where there is none."""
    return _column_named(frame, LABEL_NAMES, [guessed.image, guessed.patient, guessed.split])


def listing(folder: Path) -> Iterator[str]:
    """The images in and below a folder, by their paths in it with `/`, of at most MOST_FILES files."""
    files = islice(files_below(folder), MOST_FILES)
    return (file for file in files if file.lower().endswith(SUFFIXES))


def sizes(rows: int) -> tuple[int, int, int]:
    """Train, validation and test rows of a table of `rows`: three fifths, a fifth, a fifth."""
    fifth = max(2, rows // 5)
    return rows - 2 * fifth, fifth, fifth


def patient_pattern(images: Sequence[str]) -> str | None:
    """A `data.patient_pattern` by which every image's name tells its patient, and some have several."""
    for pattern in PATIENT_PATTERNS:
        patients = patients_by_name(images, pattern)
        if len(patients) == len(images) and 2 < len(set(patients.values())) < len(images):
            return pattern
    return None


def _image_column(
    frame: pd.DataFrame, files: Iterable[str], taken: Sequence[str | None]
) -> str | None:
    """The column with the most names of existing files, else with the most names of image files."""
    there = set(files)
    names = {name for path in map(PurePosixPath, there) for name in (path.name, path.stem)}

    def share(column: str) -> tuple[float, float, float]:
        cells = frame[column]

        def of(known: Collection[str]) -> float:
            return sum(cell in known for cell in cells) / len(cells)

        images = sum(cell.lower().endswith(SUFFIXES) for cell in cells) / len(cells)
        return of(there), of(names), images

    free = [str(column) for column in frame if column not in taken]
    best = max(free, key=share, default=None)
    if best is not None and max(share(best)) > 0.5:
        return best
    return _column_named(frame, IMAGE_NAMES, taken)


def _label_column(frame: pd.DataFrame, free: Sequence[str]) -> str | None:
    """A column of few values whose name is one for labels, else one with a word for "nothing".

    None where several columns that say yes or no are findings.
    """
    labels = {
        column: {label for cell in frame[column].unique() for label in labels_in(cell)} - {""}
        for column in free
    }
    fitting = [column for column in free if 2 <= len(labels[column]) <= MOST_LABELS]
    many = [column for column in free if MOST_LABELS < len(labels[column]) <= len(frame) // 3]
    findings = _finding_columns(frame, free)
    named = _column_named(frame[[*fitting, *many]], LABEL_NAMES, ())
    if named is not None and not (named in findings and _alike(named, findings)):
        return named
    if findings:
        return None

    def order(column: str) -> tuple[bool, bool, int]:
        nothing = sum(map(means_nothing, labels[column]))
        sure = 0 < nothing < len(labels[column])
        return _says_another_thing(column), not sure, len(labels[column])

    return min(fitting, key=order, default=None)


def _finding_columns(frame: pd.DataFrame, free: Sequence[str]) -> list[str]:
    """The columns that say of each row yes or no, where there are several."""
    found = [
        column
        for column in free
        if not _says_another_thing(column) and says_yes_or_no(frame[column].tolist())
    ]
    return found if len(found) > 1 else []


def _says_another_thing(column: str) -> bool:
    return bool(set(_words(column)) & set(NO_FINDINGS))


def _alike(column: str, others: Sequence[str]) -> bool:
    """Whether another column has the column's word for labels: `label_cat` and `label_dog`."""
    words = set(_words(column)) & set(LABEL_NAMES)
    return any(words & set(_words(other)) for other in others if other != column)


def _column_named(
    frame: pd.DataFrame, words: Sequence[str], taken: Sequence[str | None]
) -> str | None:
    """The first column whose name holds one of the words, the earlier words first."""
    for word in words:
        for column in frame:
            if column not in taken and word in _words(str(column)):
                return str(column)
    return None


def _words(name: str) -> list[str]:
    return [part.lower() for part in re.split(r"[\W_\d]+|(?<=[a-z])(?=[A-Z])", name)]

"""Guesses about a table: which column holds the images, which the labels, and which label means healthy.

A guess is only proposed, as lines to write (`bakeoff plan`, `doctor`) or in a commented file that a
person can correct (`bakeoff init`); no stage acts on one.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import pandas as pd

from bakeoff.data.image_kinds import SUFFIXES
from bakeoff.task.label_spelling import truth
from bakeoff.task.labels import SEPARATOR

IMAGE_NAMES = ("image", "img", "file", "filename", "path", "picture", "photo")
LABEL_NAMES = ("label", "labels", "class", "target", "diagnosis", "finding", "findings", "disease",
               "category", "outcome", "dx", "y")  # fmt: skip
PATIENT_NAMES = ("patient", "subject", "participant", "person", "mrn", "pid")
NEGATIVE_WORDS = ("0", "no finding", "normal", "negative", "neg", "no", "none", "healthy", "benign", "absent",
                  "control", "false", "n", "ok", "good", "intact", "clean")  # fmt: skip
MOST_LABELS = 50
"""Different values that a column of labels has at most."""


class Guess(NamedTuple):
    """Columns of a table, and which labels are of class 0 and 1; None or empty where nothing fits."""

    image: str | None
    label: str | None
    patient: str | None
    negative: tuple[str, ...]
    positive: tuple[str, ...]
    sure_of_labels: (
        bool  # whether a label is a word for "no finding"; else the most frequent was taken
    )


def guess(
    frame: pd.DataFrame, files: Iterable[str] = (), known: Mapping[str, str | None] | None = None
) -> Guess:
    """What the columns of `frame` (cells as text) are; `files` are the image folder's, by their paths in it.

    `known` maps `image`, `label` and `patient` to columns that are right already and keep their role.
    """
    known = known or {}
    taken: list[str | None] = list(known.values())
    image = known.get("image") or _image_column(frame, set(files), taken)
    patient = known.get("patient") or _column_named(frame, PATIENT_NAMES, [*taken, image])
    label = known.get("label") or _label_column(frame, [*taken, image, patient])
    negative, positive, sure = sides(frame[label].tolist()) if label else ((), (), False)
    return Guess(image, label, patient, negative, positive, sure)


def sides(cells: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...], bool]:
    """The labels of class 0 and of class 1 in `cells`, and whether a word for "no finding" was among them."""
    counts = Counter(
        label.strip() for cell in cells for label in cell.split(SEPARATOR) if label.strip()
    )
    negative = [
        label for label in counts if _plain(label) in NEGATIVE_WORDS or truth(label) is False
    ]
    sure = bool(negative) and len(negative) < len(counts)
    if not sure:
        negative = [label for label, _ in counts.most_common(1)]
    positive = sorted(label for label in counts if label not in negative)
    return tuple(sorted(negative)), tuple(positive), sure


def sizes(rows: int) -> tuple[int, int, int]:
    """Train, validation and test rows of a table of `rows`: three fifths, a fifth, a fifth."""
    fifth = max(2, rows // 5)
    return rows - 2 * fifth, fifth, fifth


def _image_column(frame: pd.DataFrame, files: set[str], taken: Sequence[str | None]) -> str | None:
    """The column with the most names of existing files, else with the most names of image files."""

    def share(column: str) -> tuple[float, float]:
        cells = frame[column]
        there = sum(cell in files for cell in cells) / len(cells)
        return there, sum(cell.lower().endswith(SUFFIXES) for cell in cells) / len(cells)

    free = [str(column) for column in frame if column not in taken]
    best = max(free, key=share, default=None)
    if best is not None and max(share(best)) > 0.5:
        return best
    return _column_named(frame, IMAGE_NAMES, taken)


def _label_column(frame: pd.DataFrame, taken: Sequence[str | None]) -> str | None:
    """A column of few values whose name is one for labels, else one with a word for "no finding"."""
    different = {
        str(column): len(
            {label for cell in frame[column].unique() for label in cell.split(SEPARATOR)}
        )
        for column in frame
        if column not in taken
    }
    fitting = [column for column, count in different.items() if 2 <= count <= MOST_LABELS]
    if named := _column_named(frame[fitting], LABEL_NAMES, ()):
        return named
    return min(
        fitting,
        key=lambda column: (not sides([str(cell) for cell in frame[column]])[2], different[column]),
        default=None,
    )


def _column_named(
    frame: pd.DataFrame, words: Sequence[str], taken: Sequence[str | None]
) -> str | None:
    """The first column whose name holds one of the words, the earlier words first."""
    for word in words:
        for column in frame:
            parts = re.split(r"[\W_\d]+|(?<=[a-z])(?=[A-Z])", str(column))
            if column not in taken and word in map(str.lower, parts):
                return str(column)
    return None


def _plain(label: str) -> str:
    return re.sub(r"[\W_]+", " ", label).strip().casefold()

"""What a configuration is drafted from: a table and its image folder, or class folders."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bakeoff.config.experiment import Experiment
from bakeoff.config.schema import Data
from bakeoff.config.schema.data import PATIENT_COLUMN
from bakeoff.config.schema.split import FOLDERS
from bakeoff.data.class_folders import SPLIT, folders_of
from bakeoff.data.csv_table import Table, read_bytes, sign
from bakeoff.data.drawing import SPLITS
from bakeoff.data.guess import Guess, called_as_labels, guess, listing, patient_pattern
from bakeoff.data.header_patients import with_header_patients
from bakeoff.data.locating import find
from bakeoff.data.patient_names import patients_by_name
from bakeoff.data.patients import canonical_names
from bakeoff.data.split_names import split_named
from bakeoff.data.synthesis.ceiling import SEVERITY
from bakeoff.data.synthesis.shapes.ceiling import EVIDENCE
from bakeoff.data.table_files import encoding_of, read_table, separator_of
from bakeoff.data.tables import inspect_labels
from bakeoff.errors import DataError
from bakeoff.layout import MANIFEST
from bakeoff.task.likely import likely_tasks
from bakeoff.wording import few, listed, plural

TABLES = ("*.csv", "*.csv.gz", "*.tsv")
ANSWERS = (SEVERITY, EVIDENCE)
"""What `bakeoff synthesize` writes beside its labels: what its images show, which is not theirs to learn."""

DEEPEST = 4
"""Folders that are each the only one in the other and are opened to find class folders."""


@dataclass(frozen=True)
class Source:
    """Labelled images as they are: rows, what is guessed of them, and what is said of them.

    `data` are the keys of that section but for those of the task, `places` the images' paths below
    `data.images`. `given` are the splits that come along, as `split.given` takes them, the likeliest first.
    """

    data: dict[str, Any]
    frame: pd.DataFrame
    guessed: Guess
    places: list[str]
    given: list[Any]
    people: "People"
    said: list[tuple[str, str]]

    @property
    def names(self) -> list[str]:
        """The images as the rows name them."""
        names: list[str] = self.frame[self.guessed.image].tolist()
        return names

    def without(self, rows: NDArray[np.bool_]) -> "Source":
        """The same without these of its rows, (n,)."""
        of_row = self.people.of_row
        people = self.people._replace(of_row=None if of_row is None else of_row[~rows])
        return replace(self, frame=self.frame[~rows], people=people)


class People(NamedTuple):
    """Who is on the images: `data.patient_column` for it, the patient of each row, and words for both.

    `pattern` is a `data.patient_pattern` that may be right, where nothing else says it.
    """

    column: str | None
    of_row: pd.Series | None
    words: str
    pattern: str | None = None


def experiment_of(sections: Mapping[str, Any]) -> Experiment:
    """The experiment of sections of a configuration, with some variant."""
    rest = {"experiment": "draft", "variants": {"conv": {"model": "conv"}}}
    return Experiment.parse({**rest, **sections})


def source_of(place: Path, images: Path | None) -> Source:
    """What is at `place`, a table or a folder that holds one or class folders; `images` is its image folder.

    Raises DataError where there is neither, with what there is.
    """
    if place.is_file():
        return _of_table(place, images)
    if not place.is_dir():
        raise DataError(f"{place}: no such file or folder, seen from {Path.cwd()}")
    tables = sorted({table for pattern in TABLES for table in place.glob(pattern)})
    if (place / MANIFEST).exists():
        tables = [table for table in tables if table.name not in ANSWERS]
    sources, refused = list[Source](), list[str]()
    for table in tables:
        try:
            sources.append(_of_table(table, images))
        except DataError as error:
            refused.append(str(error))
    if len(sources) > 1:
        names = [Path(source.data["labels"]).name for source in sources]
        raise DataError(
            f"{place}: holds {len(sources)} tables of labelled images, {listed(names)}: name the one to use."
        )
    if sources:
        return sources[0]
    try:
        return _of_folders(place)
    except DataError as error:
        if books := sorted(book.name for book in place.glob("*.xls*")):
            refused.append(f"{place}: {few(books)}: save a table of Excel as CSV first.")
        if not refused:
            raise DataError(
                f"{error} Or write a table with a line image,label, and a line for each image: "
                "bakeoff init labels.csv"
            ) from None
        raise DataError("\n".join([*refused, str(error)])) from None


def _of_table(table: Path, images: Path | None) -> Source:
    data: dict[str, Any] = {"labels": table}
    content = read_bytes(table)
    encoding = encoding_of(content)
    if encoding != "utf-8":
        data["encoding"] = encoding
    head = content[: 10**6].decode(encoding, errors="replace")
    separator = separator_of(head)
    first = head.partition("\n")[0]
    if separator not in first and "|" in first:
        data["separator"] = separator = "|"
    frame = read_table(table, separator=data.get("separator"), encoding=encoding).frame
    folder = images or _folder_of(table, frame)
    guessed = guess(frame, listing(folder))
    _require_roles(table, frame, guessed)
    assert guessed.image is not None
    names = frame[guessed.image].tolist()
    data |= {"images": folder, "image_column": guessed.image}
    suffix = _suffix(folder, names)
    if suffix:
        data["suffix"] = suffix
    if guessed.label is not None:
        data["label_column"] = guessed.label
    places = list(find(folder, names, suffix).found.values())
    way = f", {encoding}" if encoding != "utf-8" else ""
    said = [
        ("table", f"{table}: {plural(len(frame), 'row')}, {sign(separator)} between cells{way}"),
        (
            "images",
            f"column '{guessed.image}', in {folder}: {len(places):,} of {len(frame):,} are there",
        ),
    ]
    people = _people(data, guessed, frame)
    data["patient_column"] = people.column
    given = list(_given(table, guessed, places))
    return Source(data, frame, guessed, places, given, people, said)


def _require_roles(table: Path, frame: pd.DataFrame, guessed: Guess) -> None:
    columns = f"There are: {', '.join(map(str, frame))}."
    called = called_as_labels(frame, guessed)
    if not guessed.tasks and called is not None and frame[called].str.strip().nunique() < 2:
        only = frame[called].iloc[0]
        raise DataError(
            f"{table}: column '{called}' has nothing to tell apart: every row has {only!r}. {columns}"
        )
    missing = []
    if guessed.image is None:
        missing.append("images")
    if not guessed.tasks:
        missing.append("labels")
    if missing:
        raise DataError(
            f"{table}: no column looks like one of {' or of '.join(missing)}. {columns} Rename one to "
            "'image' and one to 'label', or give each finding a column of 0 and 1."
        )


def _of_folders(place: Path) -> Source:
    folder = _class_root(place)
    data: dict[str, Any] = {"layout": "folders", "images": folder}
    known = Data.model_validate(data)
    found = inspect_labels(known)
    if found.table is None:
        raise DataError("\n".join(problem.text for problem in found.problems))
    frame = found.table.frame
    names, labels = frame[known.image_column].tolist(), frame[known.label_column].tolist()
    parts = frame[SPLIT] if SPLIT in frame else pd.Series(dtype="str")
    where = ", ".join(f"{n:,} in {name}/" for name, n in parts.value_counts(sort=False).items())
    said = [
        ("images", f"{len(frame):,} in {folder}{where and f': {where}'}, a folder for each class")
    ]
    said += [("note", text) for text in found.notes]  # of warnings, whoever checks the draft tells
    guessed = Guess(known.image_column, known.label_column, None, None, tuple(likely_tasks(labels)))
    people = _people(data, guessed, frame)
    if people.column is not None:
        data["patient_column"] = people.column
    given = [FOLDERS] if len(parts) else []
    return Source(data, frame, guessed, names, given, people, said)


def _class_root(place: Path) -> Path:
    """The folder itself, or the one below it that is not the only one in the folder above it."""
    for _ in range(DEEPEST):
        below = folders_of(place)
        if len(below) != 1 or split_named(below[0]) or not folders_of(place / below[0]):
            break
        place = place / below[0]
    return place


def _people(keys: Mapping[str, Any], guessed: Guess, frame: pd.DataFrame) -> People:
    """By a column of the table, the headers of DICOM files, or perhaps the names of the files."""
    if guessed.patient is not None:
        return _known(guessed.patient, frame[guessed.patient], f"by column '{guessed.patient}'")
    data = Data.model_validate({**keys, "patient_column": PATIENT_COLUMN})
    with suppress(DataError):  # headers that tell nobody apart
        frame = with_header_patients(Table(frame, []), data).frame
    if PATIENT_COLUMN in frame:
        return _known(PATIENT_COLUMN, frame[PATIENT_COLUMN], "by the DICOM headers")
    pattern = patient_pattern(frame[guessed.image].tolist())
    if pattern is None:
        words = "nobody is named, so that rows are split as if they were of different people"
        return People(None, None, words)
    patients = patients_by_name(frame[guessed.image].tolist(), pattern)
    example, patient = next(iter(patients.items()))
    words = (
        f"nobody is named. Does {example} say that it is of {patient}? Then take away the # before "
        "patient_pattern, and none will be in two splits"
    )
    return People(None, frame[guessed.image].map(patients), words, pattern)


def _known(column: str, cells: pd.Series, how: str) -> People:
    names = canonical_names(cells)
    words = f"{names.nunique():,} {how}; none will be in two splits"
    return People(column, names, words)


def _given(table: Path, guessed: Guess, places: Sequence[str]) -> Iterator[Any]:
    """The splits that a table brings along: a column, lists of names beside it, folders of its images."""
    if guessed.split is not None:
        yield {"column": FOLDERS} if guessed.split == FOLDERS else guessed.split
    lists: dict[str, str] = {}
    for file in sorted((*table.parent.glob("*.txt"), *table.parent.glob("*.txt.gz"))):
        words = [word for word in SPLITS if word in file.name.lower()]  # `train_val_list` trains
        if words:
            lists.setdefault(words[0], str(file))
    if {"train", "test"} <= lists.keys():
        yield {name: lists[name] for name in SPLITS if name in lists}
    first = {PurePosixPath(place).parts[0] for place in places}
    if "train" in {split_named(name) for name in first} and all(map(split_named, first)):
        yield FOLDERS


def _suffix(folder: Path, names: Sequence[str]) -> str:
    """The `data.suffix` with which the most names are files; "" where that helps nobody."""
    if len(find(folder, names).found) == len(names):
        return ""
    endings = sorted({PurePosixPath(file).suffix for file in listing(folder)})
    return max(["", *endings], key=lambda ending: len(find(folder, names, ending).found))


def _folder_of(table: Path, frame: pd.DataFrame) -> Path:
    """The folder beside the table, or it is in, in which most of its cells are files, by path or by name."""
    # With / for what Windows writes: which folder is meant does not depend on it.
    cells = {cell.replace("\\", "/") for row in frame.itertuples(index=False) for cell in row}

    def found(folder: Path) -> tuple[int, int, int]:
        paths = list(listing(folder))
        files = [PurePosixPath(path) for path in paths]
        names = {name for file in files for name in (file.name, file.stem)}
        by_path = len(cells.intersection(paths))
        # Files of one name, such as thumbnails, make no more of the cells right.
        return len(cells & {*names, *paths}), by_path, len(paths)

    return max(_near(table.parent), key=found)


def _near(folder: Path) -> Iterator[Path]:
    for place in sorted(folder.iterdir()):
        if place.is_dir() and not place.name.startswith("."):
            yield place
    yield folder

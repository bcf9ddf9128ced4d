"""A first configuration for images without one: guessed, commented, ready to run.

It asks nothing: `bakeoff init` prints the guesses and writes them into the file, for a person to correct.
"""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from bakeoff.config.experiment import Experiment
from bakeoff.data.draft_text import configuration
from bakeoff.data.guess import Guess, guess, sides
from bakeoff.data.readiness import Readiness, examine, listing
from bakeoff.data.table_files import read_table
from bakeoff.errors import DataError
from bakeoff.wording import listed
from bakeoff.yaml_text import load_yaml


@dataclass(frozen=True)
class Draft:
    """A configuration as text, what was guessed for it, and the table of class folders, if it is of them."""

    text: str
    table: str  # the content of a labels CSV; empty where the table is there
    table_file: Path
    guesses: list[str]


def draft(source: Path, images: Path | None, name: str, folder: Path) -> Draft:
    """A configuration for `source`, a CSV or a folder, with its images in `images` if given.

    A folder holds a CSV, or a folder of images for each class: then a table is made, to be written beside
    the configuration, in `folder`. Raises DataError where there is neither, naming what was found.
    """
    if source.is_file():
        return _of_table(source, images or _folder_of(source), name)
    if not source.is_dir():
        raise DataError(f"{source}: no such file or folder, seen from {Path.cwd()}")
    tables = sorted({*source.glob("*.csv"), *source.glob("*.csv.gz")})
    if len(tables) > 1:
        raise DataError(
            f"{source}: holds {len(tables)} tables, {listed([t.name for t in tables])}: name the one with "
            "the labels."
        )
    if tables:
        return _of_table(tables[0], images or _folder_of(tables[0]), name)
    return _of_classes(source, name, folder / f"{name}-labels.csv")


def check(text: str, file: Path) -> Readiness:
    """Whether the data of a drafted configuration fits, with the table in place."""
    return examine(Experiment.parse(load_yaml(text), str(file)))


def _of_table(table: Path, images: Path, name: str) -> Draft:
    frame = read_table(table).frame
    guessed = guess(frame, listing(images))
    missing = [
        what
        for what, column in (("images", guessed.image), ("labels", guessed.label))
        if not column
    ]
    if missing:
        raise DataError(
            f"{table}: no column looks like one of {' or of '.join(missing)}. There are: "
            f"{', '.join(map(str, frame))}. Rename one to 'image' and one to 'label'."
        )
    guesses = [f"images: column '{guessed.image}' of {table}, in {images}"]
    return Draft(configuration(name, table, images, guessed, frame, guesses), "", table, guesses)


def _of_classes(folder: Path, name: str, table: Path) -> Draft:
    """A table of a folder with a folder per class."""
    classes: dict[str, list[str]] = {}
    for file in listing(folder):
        label, slash, _ = file.partition("/")
        if slash:
            classes.setdefault(label, []).append(file)
    if len(classes) < 2:
        raise DataError(
            f"{folder}: holds no CSV and no two folders of images, one for each class (found: "
            f"{', '.join(classes) or 'none'}). Write a table, labels.csv, with a line image,label, and a "
            "line for each image; then: bakeoff init labels.csv"
        )
    if unlike := {"train", "test", "val", "valid", "validation"} & {one.lower() for one in classes}:
        raise DataError(
            f"{folder}: its folders {listed(sorted(unlike))} are of splits, not of classes. Write a table "
            "with the columns image, label and split, and name it: bakeoff init labels.csv"
        )
    rows = [(file, label) for label, files in classes.items() for file in files]
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(("image", "label"))
    writer.writerows(rows)
    frame = pd.DataFrame(rows, columns=["image", "label"], dtype="str")
    negative, positive, sure = sides([label for _, label in rows])
    guessed = Guess("image", "label", None, negative, positive, sure)
    guesses = [f"images: {len(rows)} in {folder}, in a folder for each of {len(classes)} classes"]
    return Draft(
        configuration(name, table, folder, guessed, frame, guesses),
        stream.getvalue(),
        table,
        guesses,
    )


def _folder_of(table: Path) -> Path:
    """The folder that most of the table's cells are files in: beside it, or one below."""
    cells = {cell for row in read_table(table).frame.itertuples(index=False) for cell in row}

    def found(folder: Path) -> int:
        return sum(file in cells for file in listing(folder))

    places = list(_near(table.absolute().parent))
    best = max(places, key=found)
    if found(best):
        return best
    return max(places, key=lambda place: sum(1 for _ in listing(place)))


def _near(folder: Path) -> Iterator[Path]:
    for place in sorted(folder.iterdir()):
        if place.is_dir() and not place.name.startswith("."):
            yield place
    yield folder


def name_for(source: Path) -> str:
    """A name for an experiment, from what it is made of."""
    at = source.absolute()
    stem = at.parent.name if at.is_file() and at.stem in ("labels", "table", "data") else at.stem
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", stem).strip("-_.") or "bake-off"

"""A first configuration for images that nobody has described yet: guessed, commented, ready to run.

Nothing is asked: what was guessed is said, and stands in the file for a person to correct.
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from bakeoff.config.experiment import Experiment
from bakeoff.data.guess import Guess, guess, sides, sizes
from bakeoff.data.images import FORMATS
from bakeoff.data.optimum import Groups, nearest_sizes
from bakeoff.data.patients import canonical_names
from bakeoff.data.readiness import Readiness, examine, listing, written
from bakeoff.data.tables import read_text
from bakeoff.errors import DataError
from bakeoff.wording import listed
from bakeoff.yaml_text import load_yaml

LARGEST, SMALLEST = 224, 96
"""Pixels per side that are proposed at most and at least: `conv` needs 79."""

SAMPLE = 50
SCHEMA = ".bakeoff-schema.json"
"""Beside the configuration: what editors check it by."""


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
    frame = read_text(table).frame
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
    return Draft(_text(name, table, images, guessed, frame, guesses), "", table, guesses)


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
        _text(name, table, folder, guessed, frame, guesses), stream.getvalue(), table, guesses
    )


def _text(
    name: str, table: Path, images: Path, guessed: Guess, frame: pd.DataFrame, guesses: list[str]
) -> str:
    """The configuration; what was guessed is added to `guesses` in words."""
    counts = Counter(frame[guessed.label])
    said = ", ".join(f"{count} {label or '(none)'}" for label, count in counts.most_common(8))
    guesses.append(f"labels: column '{guessed.label}': {said}")
    sure = (
        "" if guessed.sure_of_labels else " (the most frequent one, for want of a better: check it)"
    )
    guesses.append(
        f"class 0: {', '.join(guessed.negative)}{sure}; class 1: {', '.join(guessed.positive)}"
    )
    if guessed.patient:
        guesses.append(f"patients: column '{guessed.patient}': none will be in two splits")
    else:
        guesses.append("patients: no column names them, so rows are split as if unrelated")
    train, val, test = _sizes(frame, guessed.patient)
    side, colour = _pictures(images, frame[guessed.image].tolist())
    guesses.append(f"split: {train} to train on, {val} to validate, {test} to test")
    guesses.append(f"size: {side} pixels{', made grey' if colour else ''}")
    values: Mapping[str, object] = {
        "name": name,
        "experiment": written(name),
        "table": written(_path(table)),
        "images": written(_path(images)),
        "image_column": written(guessed.image),
        "label_column": written(guessed.label),
        "patient_column": written(guessed.patient),
        "patients": "no row of one patient is in two splits"
        if guessed.patient
        else "or the column of who is on an image: nobody is then in two splits",
        "negative": written(guessed.negative),
        "check": "" if guessed.sure_of_labels else "; GUESSED: the most frequent one",
        "positive": written(guessed.positive),
        "train": train,
        "val": val,
        "test": test,
        "side": side,
        "grey": "; colours are made grey" if colour else "",
        "batch": max(2, min(16, train // 8)),
        "schema": SCHEMA,
    }
    return TEMPLATE.format_map(values)


def _sizes(frame: pd.DataFrame, patient: str | None) -> tuple[int, int, int]:
    """Sizes that come out exactly with whole patients."""
    asked = sizes(len(frame))
    if patient is None:
        return asked
    groups = np.bincount(pd.factorize(canonical_names(frame[patient]))[0])
    near = nearest_sizes(Groups(groups, np.zeros_like(groups)), list(asked))
    return asked if near is None else (int(near[0]), int(near[1]), int(near[2]))


def _pictures(folder: Path, names: list[str]) -> tuple[int, bool]:
    """Pixels per side to train at, by the short sides of some images, and whether any has colours."""
    shorter, colour = [], False
    for name in names[:: max(1, len(names) // SAMPLE)]:
        try:
            with Image.open(folder / name, formats=FORMATS) as image:
                shorter.append(min(image.size))
                colour = colour or image.mode not in ("L", "1", "I", "I;16", "LA")
        except (OSError, Image.DecompressionBombError):
            continue  # said by the check that follows
    side = sorted(shorter)[len(shorter) // 2] if shorter else LARGEST
    return max(SMALLEST, min(LARGEST, side // 32 * 32)), colour


def _folder_of(table: Path) -> Path:
    """The folder that most of the table's cells are files in: beside it, or one below."""
    cells = {cell for row in read_text(table).frame.itertuples(index=False) for cell in row}

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


def _path(path: Path) -> str:
    """As it is written in a configuration: from the working directory, or whole where it is not below."""
    absolute = path.absolute()
    here = Path.cwd()
    return str(absolute.relative_to(here) if absolute.is_relative_to(here) else absolute)


def name_for(source: Path) -> str:
    """A name for an experiment, from what it is made of."""
    at = source.absolute()
    stem = at.parent.name if at.is_file() and at.stem in ("labels", "table", "data") else at.stem
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", stem).strip("-_.") or "bake-off"


TEMPLATE = """\
# yaml-language-server: $schema={schema}
# Written by `bakeoff init`. Check what is guessed, then:
#   bakeoff plan --config THIS_FILE          what will run, and whether the data fits
#   snakemake --configfile THIS_FILE         the bake-off, to results/{name}/report.html
# config/README.md explains every key; `bakeoff models` lists the models.
experiment: {experiment}

data:
  labels: {table}  # a row per image
  images: {images}  # the folder that the image column's names are in
  image_column: {image_column}
  label_column: {label_column}
  patient_column: {patient_column}  # {patients}
  negative: {negative}  # the labels of class 0{check}
  positive: {positive}  # the labels of class 1

split: {{train: {train}, val: {val}, test: {test}}}  # stratified; exact sizes

image: {{size: {side}}}  # pixels per side{grey}

training:
  epochs: 20
  batch_size: {batch}
  lr: 1.0e-3
  seeds: [0, 1]  # more seeds say more surely which variant is better

# What a run asks a cluster for; a laptop ignores it.
resources: {{gpu: 1, runtime: 60, mem_mb: 8000}}

variants:
  conv: {{model: conv}}
  conv_bn: {{model: conv, norm: batch}}
  # resnet: {{model: timm/resnet18, pretrained: true}}  # fetches its weights where there is internet
  # sweep: {{model: conv, grid: {{training.lr: [1.0e-3, 1.0e-4]}}}}  # a variant per value
"""

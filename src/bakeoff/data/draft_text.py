"""The text of a drafted configuration: the template, and the values that fit a table and its images."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from bakeoff.data.guess import Guess, sizes
from bakeoff.data.image_files import read_header
from bakeoff.data.locating import find
from bakeoff.data.optimum import Groups, nearest_sizes
from bakeoff.data.patients import canonical_names
from bakeoff.data.readiness import written
from bakeoff.errors import DataError

LARGEST, SMALLEST = 224, 96
"""Pixels per side that are proposed at most and at least: `conv` needs 79."""

SAMPLE = 50
SCHEMA = ".bakeoff-schema.json"
"""Beside the configuration: what editors check it by."""


def configuration(
    name: str, table: Path, images: Path, guessed: Guess, frame: pd.DataFrame, guesses: list[str]
) -> str:
    """The configuration; what was guessed is added to `guesses` in words."""
    counts = Counter(frame[guessed.label])
    label_counts = ", ".join(
        f"{count} {label or '(none)'}" for label, count in counts.most_common(8)
    )
    guesses.append(f"labels: column '{guessed.label}': {label_counts}")
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
    places = list(find(folder, names).found.values())
    for place in places[:: max(1, len(places) // SAMPLE)]:
        try:
            header = read_header(folder, place)
        except DataError:
            continue  # `draft.check` reports it
        shorter.append(min(header.width, header.height))
        colour = colour or header.has_colours
    side = sorted(shorter)[len(shorter) // 2] if shorter else LARGEST
    return max(SMALLEST, min(LARGEST, side // 32 * 32)), colour


def _path(path: Path) -> str:
    """As it is written in a configuration: from the working directory, or whole where it is not below."""
    absolute = path.absolute()
    here = Path.cwd()
    return str(absolute.relative_to(here) if absolute.is_relative_to(here) else absolute)


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

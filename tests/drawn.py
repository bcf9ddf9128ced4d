"""A small data set of any kind of task: images with a band for each label that they have, and a table."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

COLUMNS = ("image", "label", "patient")
SIZE = 48
COLOURS = ((200, 40, 40), (40, 160, 60), (60, 60, 220), (220, 200, 40))


def draw(folder: Path, labels: Sequence[str], known: Sequence[str]) -> Path:
    """`labels.csv` and `images/` of PNGs in `folder`, two for each patient; returns the table.

    `labels` has a cell for each image, known labels joined by `|`; each known label has a band of its own.
    """
    images, table = folder / "images", folder / "labels.csv"
    images.mkdir(parents=True)
    random = np.random.default_rng(0)
    height = SIZE // len(known)
    with table.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(COLUMNS)
        for number, cell in enumerate(labels):
            pixels = random.integers(80, 150, (SIZE, SIZE, 3), dtype=np.uint8)
            for at, name in enumerate(known):
                if name in cell.split("|"):
                    pixels[at * height : (at + 1) * height] = COLOURS[at % len(COLOURS)]
            name = f"{number:03}.png"
            Image.fromarray(pixels).save(images / name)
            writer.writerow([name, cell, number // 2])
    return table


ODD = ("nan", "Bœuf, rôti", "10", '../"b"')
"""Names of classes that a table, a path or pandas could take for something else."""

FINDINGS = ("Mass", "Fluid", "Rare")


def odd_labels(images: int) -> list[str]:
    """A class for each image, the first the most frequent."""
    return [ODD[(0, 1, 0, 2, 3)[number // 2 % 5]] for number in range(images)]


def finding_labels(images: int) -> list[str]:
    """The findings of each image, joined; a third has none, and Rare is in two images of one patient."""
    usual = ("No Finding", "Mass", "Mass|Fluid", "Fluid", "No Finding")
    cells = [usual[number // 2 % 5] for number in range(images)]
    cells[2:4] = ["Mass|Rare", "Rare"]
    return cells


COLOUR = {"size": SIZE, "channels": 3, "normalise": "unit"}
AUGMENTED = {**COLOUR, "crop": {"scale": [0.6, 1.0], "probability": 0.7}, "flip": {}, "jitter": {}}

VARIANTS = {
    "plain": {"model": "timm/resnet10t", "image": COLOUR},
    "augmented": {"model": "timm/resnet10t", "image": AUGMENTED},
}


def config(kind: str, images: int = 60) -> dict[str, object]:
    """A bake-off of two variants on the images that `draw_kind` draws, in `data/`."""
    val = test = images // 5
    task: dict[str, object] = {"kind": kind}
    if kind == "multilabel":
        task["findings"] = list(FINDINGS)
    return {
        "experiment": "small",
        "data": {
            "labels": "data/labels.csv",
            "images": "data/images",
            "image_column": "image",
            "label_column": "label",
            "patient_column": "patient",
        },
        "task": task,
        "split": {"train": images - val - test, "val": val, "test": test},
        "image": {"size": SIZE},
        "training": {"epochs": 2, "batch_size": 8, "lr": 1e-3},
        "variants": VARIANTS,
    }


def draw_kind(kind: str, folder: Path, images: int = 60) -> Path:
    """The images and table of a multiclass or multilabel task."""
    if kind == "multilabel":
        return draw(folder, finding_labels(images), FINDINGS)
    return draw(folder, odd_labels(images), ODD)

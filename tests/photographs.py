"""A small data set as a person brings one: a folder of photographs, and a table of what is on each."""

import csv
from pathlib import Path

import numpy as np
from PIL import Image

COLUMNS = ("image", "label")


def photographs(
    folder: Path, rows: int = 60, labels: tuple[str, ...] = ("intact", "crack"), size: int = 40
) -> Path:
    """`labels.csv` and `photos/` of JPEGs in `folder`; the later labels have a dark band. Returns the table.

    Every third photograph is of a later label, as few data sets are balanced.
    """
    photos, table = folder / "photos", folder / "labels.csv"
    photos.mkdir(parents=True)
    random = np.random.default_rng(0)
    with table.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(COLUMNS)
        for number in range(rows):
            label = labels[1 + number // 3 % (len(labels) - 1)] if number % 3 == 0 else labels[0]
            pixels = random.integers(90, 160, (size, size + 8, 3), dtype=np.uint8)
            if label != labels[0]:
                pixels[size // 3 : size // 2] = 20
            name = f"photo_{number:03}.jpg"
            Image.fromarray(pixels).save(photos / name, quality=90)
            writer.writerow([name, label])
    return table

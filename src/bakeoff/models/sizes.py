"""How large each model of the zoo is, from a table that was counted before: listing models needs no torch."""

import csv
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path

FILE = Path(__file__).with_name("sizes.csv")


@dataclass(frozen=True)
class Size:
    """A model with its own defaults, at 224 pixels."""

    published: int  # weights for three colours and 1000 classes, as papers count them
    parameters: int  # weights for grey images and two outputs
    trainable: int  # those of them that train
    multiply_adds: int  # of one grey image


COLUMNS = tuple(field.name for field in fields(Size))


@cache
def sizes() -> dict[str, Size]:
    """The size of every model by name; a family such as `timm/*` has none."""
    with FILE.open(encoding="utf-8", newline="") as stream:
        return {
            row["model"]: Size(*(int(row[column]) for column in COLUMNS))
            for row in csv.DictReader(stream)
        }

"""The best that a model can expect on coloured shapes, with their colours and without."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bakeoff.data.synthesis.shapes.plan import CLASSES, Picture
from bakeoff.errors import DataError

EVIDENCE = "evidence.csv"
COLUMNS = ("Image Index", "label", "shape", "colour")
HIDDEN = "hidden"


class Ceiling(NamedTuple):
    """What the best guess from the evidence reaches against the labels."""

    accuracy: float  # where several classes are equally likely, of a guess among them
    macro_auroc: float  # mean over classes of each against the rest


def ceiling(pictures: Sequence[Picture], colours: bool = True) -> Ceiling:
    """The ceiling of these pictures; `colours` False: of those who see grey values alone.

    A model cannot be expected to do better, save by chance: what it does not see was drawn at random.
    """
    # Imported here: the processes that draw import this package too, and need no scikit-learn.
    from sklearn.metrics import roc_auc_score

    likely = likelihood(pictures, colours)
    labels = np.array([CLASSES.index(picture.label) for picture in pictures])
    guesses = likely == likely.max(axis=1, keepdims=True)
    right = guesses[np.arange(len(labels)), labels] / guesses.sum(axis=1)
    aurocs = [roc_auc_score(labels == k, likely[:, k]) for k in range(len(CLASSES))]
    return Ceiling(float(right.mean()), float(np.mean(aurocs)))


def likelihood(pictures: Sequence[Picture], colours: bool = True) -> NDArray[np.float64]:
    """How likely each class is by what the pictures show: (n, K), rows sum to 1.

    Labels that were dealt out at random make all classes a little likelier, which changes no ranking.
    """
    possible = np.array(
        [
            [
                picture.shape in (None, shape) and (not colours or picture.colour in (None, colour))
                for colour, shape in (name.split("_") for name in CLASSES)
            ]
            for picture in pictures
        ]
    )
    likely: NDArray[np.float64] = possible / possible.sum(axis=1, keepdims=True)
    return likely


def evidence_csv(pictures: Sequence[Picture]) -> str:
    """The text of evidence.csv: each picture's label, and the shape and colour that it shows."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for picture in pictures:
        seen = (picture.shape or HIDDEN, picture.colour or HIDDEN)
        writer.writerow((picture.image, picture.label, *seen))
    return text.getvalue()


def read_evidence(folder: Path, split: str = "test") -> list[Picture]:
    """The pictures of a split, from the evidence.csv of a data set; raises DataError without it."""
    path = folder / EVIDENCE
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            pictures = [_picture(row) for row in csv.DictReader(stream)]
    except OSError as error:
        raise DataError(
            f"{path}: cannot be read ({error.strerror}). Only synthetic shapes have a known ceiling; "
            "`bakeoff synthesize --kind shapes` writes it."
        ) from error
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"{path}: expected the columns {', '.join(COLUMNS)}, found otherwise ({error!r}). "
            "Make the data again with `bakeoff synthesize --kind shapes`."
        ) from error
    return [picture for picture in pictures if picture.split == split]


def _picture(row: dict[str, str]) -> Picture:
    image = row["Image Index"]
    seen = (None if row[key] == HIDDEN else row[key] for key in ("shape", "colour"))
    return Picture(image, int(Path(image).stem), row["label"], *seen)

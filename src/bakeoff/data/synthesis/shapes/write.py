"""Write coloured shapes in class folders, with a table of them and their ceiling."""

import csv
import io
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from time import perf_counter

from PIL import Image

from bakeoff.config.digest import SHAPES_VERSION
from bakeoff.config.schema.synthetic import FEWEST_SHAPES, SHAPES_SIZE, SHAPES_TABLE
from bakeoff.data.synthesis.fill import Contents, fill
from bakeoff.data.synthesis.folder import Names, require_int
from bakeoff.data.synthesis.shapes.ceiling import EVIDENCE, Ceiling, ceiling, evidence_csv
from bakeoff.data.synthesis.shapes.draw import draw
from bakeoff.data.synthesis.shapes.plan import CLASSES, Picture, plan

NAMES = Names(
    kind="shapes",
    labels=SHAPES_TABLE,
    hidden=EVIDENCE,
    below="",
    folders=("train", "test"),
    image=re.compile(rf"(train|test)/({'|'.join(CLASSES)})/\d{{5,}}\.png"),
)


@dataclass(frozen=True)
class Arguments:
    """What the shapes are a function of."""

    images: int
    size: int
    seed: int
    kind: str = NAMES.kind

    def __post_init__(self) -> None:
        require_int("images", self.images, FEWEST_SHAPES, 1_000_000)
        require_int("size", self.size, 32, 4096)
        require_int("seed", self.seed, 0, 2**32 - 1)


@dataclass(frozen=True)
class ShapesReport:
    """What a data set of shapes holds, and what can be reached on its test split."""

    folder: Path
    train: int  # images
    test: int
    ceiling: Ceiling
    grey_ceiling: Ceiling  # of a model that sees no colours
    reused: bool  # the folder held these data already
    seconds: float

    def __str__(self) -> str:
        done = "were there already" if self.reused else f"written in {self.seconds:.0f} s"
        return (
            f"{self.folder}: {self.train + self.test} pictures of {len(CLASSES)} classes "
            f"({self.train} in train, {self.test} in test) {done}. Ceiling on test: "
            f"accuracy {self.ceiling.accuracy:.3f}, macro AUROC {self.ceiling.macro_auroc:.3f}; without "
            f"colours {self.grey_ceiling.accuracy:.3f} and {self.grey_ceiling.macro_auroc:.3f}."
        )


def synthesize_shapes(
    folder: Path,
    *,
    images: int = 1000,
    size: int = SHAPES_SIZE,
    seed: int = 0,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> ShapesReport:
    """Pictures of coloured shapes, a class for each shape in each colour, in folders by split and class.

    Writes {train,test}/<class>/*.png (`size` x `size`, RGB, a quarter for testing), evidence.csv (what each
    picture shows), synthesis.json (arguments, counts, ceilings) and, last, labels.csv, a table of all.
    The same arguments give the same bits, whatever the number of `workers`. A folder that is complete
    already is left as it is; one made with other arguments is made anew.

    A script that calls this needs `if __name__ == "__main__":`, as for every spawned process.
    Raises ConfigError for an argument out of range; DataError for a folder that holds other data or
    cannot be written.
    """
    started = perf_counter()
    arguments = Arguments(images, size, seed)
    folder = Path(folder)
    pictures = plan(images, seed)
    test = [picture for picture in pictures if picture.split == "test"]
    best, grey = ceiling(test), ceiling(test, colours=False)
    contents = Contents(
        names=NAMES,
        arguments=asdict(arguments),
        version=SHAPES_VERSION,
        summary={
            "train": len(pictures) - len(test),
            "test": len(test),
            "classes": CLASSES,
            "ceiling": best._asdict(),
            "grey_ceiling": grey._asdict(),
        },
        labels=_labels_csv(pictures),
        hidden=evidence_csv(pictures),
        images=pictures,
    )
    reused = fill(folder, contents, partial(_save, size=size, seed=seed), workers, progress)
    seconds = perf_counter() - started
    return ShapesReport(folder, len(pictures) - len(test), len(test), best, grey, reused, seconds)


def _labels_csv(pictures: Sequence[Picture]) -> str:
    """The text of labels.csv, for those who want a table: image, label, split."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("Image Index", "label", "split"))
    writer.writerows((picture.image, picture.label, picture.split) for picture in pictures)
    return text.getvalue()


def _save(picture: Picture, path: Path, *, size: int, seed: int) -> None:
    Image.fromarray(draw(picture, size, seed)).save(path, "PNG", compress_level=1)

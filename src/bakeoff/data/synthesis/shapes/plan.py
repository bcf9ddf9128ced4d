"""Which picture shows what: its class, and how much of the evidence for it is there to be seen."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np

SHAPES = ("circle", "square", "star")
COLOURS = ("green", "red")
CLASSES = tuple(f"{colour}_{shape}" for colour, shape in product(COLOURS, SHAPES))
"""Two classes differ in hue alone, three in shape alone."""

TEST_SHARE = 0.25
# These set the ceiling; each is a share of the pictures of every split.
SHAPELESS = 0.10  # a blob of the class's colour: it may be any of three classes
COLOURLESS = 0.10  # the class's shape in grey: it may be either of two
MISLABELLED = 0.06  # their labels are dealt out among them at random


@dataclass(frozen=True)
class Picture:
    """One picture: its file, its label, and what can be seen; None is what is hidden."""

    image: str  # train/red_star/00017.png
    number: int
    label: str
    shape: str | None
    colour: str | None

    @property
    def split(self) -> str:
        """The folder below which it is: train or test."""
        return self.image.split("/")[0]


def plan(images: int, seed: int) -> list[Picture]:
    """The pictures of a data set, a quarter of them for testing, classes of equal size in both splits."""
    rng = np.random.default_rng([seed, images])
    test = round(TEST_SHARE * images)
    pictures = [*_split("train", 0, images - test, rng), *_split("test", images - test, test, rng)]
    return sorted(pictures, key=lambda picture: picture.image)


def _split(split: str, first: int, count: int, rng: np.random.Generator) -> Iterator[Picture]:
    truth = rng.permutation(np.arange(count) % len(CLASSES))
    hidden = rng.permutation(count)
    shapeless = set(hidden[: round(SHAPELESS * count)].tolist())
    colourless = set(hidden[len(shapeless) :][: round(COLOURLESS * count)].tolist())
    labels = truth.copy()
    dealt = rng.permutation(count)[: round(MISLABELLED * count)]
    labels[dealt] = truth[rng.permutation(dealt)]  # as many of each class as before
    for n in range(count):
        colour, shape = CLASSES[truth[n]].split("_")
        label = CLASSES[labels[n]]
        yield Picture(
            image=f"{split}/{label}/{first + n:05d}.png",
            number=first + n,
            label=label,
            shape=None if n in shapeless else shape,
            colour=None if n in colourless else colour,
        )

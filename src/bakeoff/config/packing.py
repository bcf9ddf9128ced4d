"""How images are packed: at which size, in which colours, how what is not square fits; and in which folder.

What a variant needs follows from its section `image` alone, so that Snakemake knows the path before any
image was opened.
"""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bakeoff.layout import Layout

INDEX = "index.csv"
COLOURS = "colours"
"""The column of index.csv that says which files have colours; packs of earlier versions have none."""

GREY_MODES = frozenset({"1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "I;16N", "F"})
"""Modes of Pillow that have no colours."""


@dataclass(frozen=True)
class Packing:
    """Images of `size` pixels a side, grey or in their colours, squeezed or cropped by `crop_pct`."""

    size: int
    colours: bool = False  # keep them; images without any are packed grey all the same
    crop_pct: float | None = (
        None  # of the shorter side in the middle; None squeezes what is not square
    )

    @property
    def kind(self) -> str:
        """What the name of the folder says beside the size: "", "-colour", "-crop-0.875" or both."""
        cropped = "" if self.crop_pct is None else f"-crop-{float(self.crop_pct)}"
        return "-colour" * self.colours + cropped

    @property
    def image_bytes(self) -> int:
        """The most that an image takes: a byte per pixel, or for each of three colours."""
        return self.size**2 * (3 if self.colours else 1)

    def digested(self) -> dict[str, Any]:
        """What counts in a digest; of grey, squeezed images the size alone."""
        values = {"size": self.size, "colours": self.colours or None, "crop_pct": self.crop_pct}
        return {key: value for key, value in values.items() if value is not None}

    def options(self) -> str:
        """The options of `bakeoff pack` beside --size, each after a blank."""
        cropped = "" if self.crop_pct is None else f" --fit crop --crop-pct {self.crop_pct}"
        return f"{' --channels 3' * self.colours}{cropped}"

    def folder(self, layout: Layout) -> Path:
        """The folder of images.npy and index.csv.

        Earlier versions packed in grey for three channels too. Where their pack is there and most of its
        files are grey by their mode (a few of NIH's X-rays are RGBA, without colours), it goes on counting.
        """
        folder = layout.packed(self.size, self.kind)
        earlier = layout.packed(self.size)
        if self.kind == "-colour" and not folder.exists() and _packed_grey_before(earlier / INDEX):
            return earlier
        return folder


def _packed_grey_before(index: Path) -> bool:
    """Whether a pack of an earlier version is there, of files most of which are grey by their mode."""
    try:
        with index.open(newline="", encoding="utf-8") as stream:
            rows = csv.DictReader(stream)
            if COLOURS in (rows.fieldnames or [COLOURS]):
                return False
            grey = [row["mode"] in GREY_MODES for row in rows]
    except (OSError, UnicodeDecodeError, csv.Error, KeyError):
        return False
    return sum(grey) > len(grey) / 2

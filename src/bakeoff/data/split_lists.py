"""Lists of the images of each split, one name on each line, as ChestX-ray14 comes with them."""

import posixpath
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bakeoff.data.csv_table import read_bytes
from bakeoff.data.image_kinds import SUFFIXES
from bakeoff.errors import DataError
from bakeoff.wording import few, listed, plural

NOBODY = -1


class Listed(NamedTuple):
    """Which list has each image of the table, int64 (n,), NOBODY where none has; notes on the lists."""

    of_image: NDArray[np.int64]
    notes: list[str]


def read_list(path: Path) -> list[str]:
    """The names in a list (`.txt`, `.txt.gz`), without blanks around them and without blank lines.

    Raises DataError where it cannot be read, is not text in UTF-8 or names nothing.
    """
    try:
        text = read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not text in UTF-8: {error}") from error
    names = [stripped for line in text.splitlines() if (stripped := line.strip())]
    if not names:
        raise DataError(f"{path}: names no image; expected a name on each line")
    return names


def match(lists: Mapping[str, Path], images: Sequence[str]) -> Listed:
    """Which of the lists, in their order, names each image of a table.

    A list may have an image's path as the table has it, its bare name where the table has paths (or the
    other way round), and may lack the endings; each has to mean one image. Raises DataError for an image
    in two lists, and for a name that may mean several images.
    """
    known = _Images(images)
    of_image = np.full(len(images), NOBODY, dtype=np.int64)
    notes, twice = [], list[str]()
    paths = list(lists.values())
    for number, path in enumerate(paths):
        unknown = []
        for name in read_list(path):
            row = known.row(name, path)
            if row is None:
                unknown.append(name)
            elif of_image[row] not in {NOBODY, number}:
                twice.append(f"{images[row]} ({paths[of_image[row]]} and {path})")
            else:
                of_image[row] = number
        if unknown:
            notes.append(
                f"{path} names {plural(len(unknown), 'image')} that the table does not have: {few(unknown)}."
            )
    if twice:
        raise DataError(
            f"{plural(len(twice), 'image')} in two lists (split.given): {listed(twice)}. An image can be in "
            "one split only."
        )
    return Listed(of_image, notes)


class _Images:
    """The rows of a table's images by their paths, and where that is not enough, by parts of them."""

    def __init__(self, images: Sequence[str]) -> None:
        self._images = images
        self._by_path = {posixpath.normpath(image): row for row, image in enumerate(images)}
        self._by_part: dict[str, list[int]] | None = None

    def row(self, name: str, path: Path) -> int | None:
        """The row that a name in the list `path` means, None where there is none."""
        written = posixpath.normpath(name)
        if (row := self._by_path.get(written)) is not None:
            return row
        if self._by_part is None:
            self._by_part = _by_part(self._by_path)
        rows = self._by_part.get(written, [])
        if not rows and "/" in written:  # the table may have bare names
            base = posixpath.basename(written)
            rows = [self._by_path[base]] if base in self._by_path else self._by_part.get(base, [])
            rows = [row for row in rows if "/" not in posixpath.normpath(self._images[row])]
        if len(rows) > 1:
            meant = few([self._images[row] for row in rows], 5)
            raise DataError(
                f"{path}: {name} may mean {len(rows)} images of the table, {meant}. Write their paths as the "
                "table has them."
            )
        return rows[0] if rows else None


def _by_part(by_path: Mapping[str, int]) -> dict[str, list[int]]:
    """Rows by the bare names of their images, by their paths and by their names without endings."""
    found: dict[str, list[int]] = {}
    for path, row in by_path.items():
        base = posixpath.basename(path)
        for part in {base, _without_ending(path), _without_ending(base)} - {path}:
            found.setdefault(part, []).append(row)
    return found


def _without_ending(path: str) -> str:
    stem, ending = posixpath.splitext(path)
    return stem if ending.lower() in SUFFIXES else path

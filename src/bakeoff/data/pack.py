"""Packed images: each is decoded once and resized into one uint8 array; no GPU waits for a PNG.

The array is grey, (N, size, size), or has colours, (N, size, size, 3), where they are to be kept and any
image has some; grey ones among them are repeated.
"""

import csv
import errno
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from bakeoff.config.packing import COLOURS, INDEX, Packing
from bakeoff.data.colours import Pixels, as_colours
from bakeoff.data.csv_table import read_text, require_column
from bakeoff.data.decoding import each_image
from bakeoff.data.parallel import Progress
from bakeoff.data.resizing import checksum, resize
from bakeoff.data.tables import split_frame
from bakeoff.errors import DataError
from bakeoff.files import replacing
from bakeoff.layout import Layout, SplitName
from bakeoff.pace import Pace

if TYPE_CHECKING:
    from bakeoff.config.schema import Data, Image

IMAGES = "images.npy"
COLUMNS = ["Image Index", "row", "split", "mode", "width", "height", "sha256"]
"""The columns of index.csv: mode, width and height are the file's, sha256 is of the packed pixels.

After them comes `colours`: 1 where the file has some, packed or not. Earlier versions did not write it.
"""

CHECKED = 16
"""Rows whose pixels are compared with the index when a pack is opened."""


@dataclass(frozen=True)
class PackedImages:
    """A pack, read: `images` uint8 (N, size, size) or (N, size, size, 3) is a read-only memory map."""

    images: NDArray[np.uint8]
    row_of: dict[str, int]
    checksums: tuple[str, ...]  # SHA-256 of each image's pixels

    @classmethod
    def open(cls, folder: Path) -> "PackedImages":
        """Map images.npy and read index.csv; DataError if they are missing or of two different packs."""
        images = _map(folder / IMAGES)
        index, _ = read_text(folder / INDEX)
        for column in COLUMNS:
            require_column(index, column, folder / INDEX, "written by bakeoff pack")
        if index["row"].tolist() != [str(row) for row in range(len(images))]:
            raise _mismatch(folder, f"{len(images)} images, {len(index)} rows in the index")
        for row in np.unique(np.linspace(0, len(images) - 1, CHECKED, dtype=int)):
            if checksum(images[row]) != index["sha256"].iloc[row]:
                raise _mismatch(folder, f"row {row} is not {index['Image Index'].iloc[row]}")
        row_of = {name: row for row, name in enumerate(index["Image Index"])}
        return cls(images, row_of, tuple(index["sha256"]))

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, name: str) -> Pixels:
        """The pixels of one image, uint8 (size, size) or (size, size, 3)."""
        pixels: Pixels = self.images[self.rows([name])[0]]
        return pixels

    def rows(self, names: Iterable[str]) -> NDArray[np.int64]:
        """The row of each named image, int64; DataError for names that were not packed."""
        names = list(names)
        if missing := [name for name in names if name not in self.row_of]:
            raise DataError(
                f"{len(missing)} of {len(names)} images were not packed, for example {missing[0]}; "
                "the splits have changed since. Run the pack stage again."
            )
        return np.asarray([self.row_of[name] for name in names], dtype=np.int64)


def open_packed(layout: Layout, image: "Image", split: SplitName = "test") -> PackedImages:
    """The pack of a split's images for a model that is given `image`; DataError if it cannot be read.

    Images to train on may be packed larger than the model's, for random parts of them.
    """
    packing = image.training_packing if split == "train" else image.packing
    return PackedImages.open(packing.folder(layout))


def pack(
    splits: Path,
    data: "Data",
    packing: Packing | int,
    folder: Path,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Path:
    """Pack the images of splits/{train,val,test}.csv into `folder`, which it returns.

    `folder` gets images.npy and index.csv; a size alone packs grey, squeezed. DataError names all bad images.
    """
    parts = {name: split_frame(splits / f"{name}.csv") for name in ("train", "val", "test")}
    names = [image for part in parts.values() for image in part[data.image_column]]
    split_of = [name for name, part in parts.items() for _ in range(len(part))]
    if isinstance(packing, int):
        packing = Packing(packing)
    return write_pack(
        data.images, names, split_of, packing, folder, workers, progress, suffix=data.suffix
    )


def write_pack(
    source: Path,
    names: Sequence[str],
    split_of: Sequence[str],
    packing: Packing,
    folder: Path,
    workers: int | None = None,
    progress: Progress | None = None,
    *,
    suffix: str = "",
) -> Path:
    """Pack the named images of the folder `source` into `folder`; `split_of` has the split of each."""
    progress = progress or Pace("packing")
    packed = each_image(partial(resize, packing), source, names, workers, progress, suffix)
    shape = (len(names), packing.size, packing.size, *([3] * packing.colours))
    any_colours = False
    # Both are written before one is renamed; a crash between the two is noticed when the pack is opened.
    with replacing(folder / INDEX) as index, replacing(folder / IMAGES) as images:
        try:
            # Written in order, not through a memory map: on a full disk a map ends the process (SIGBUS).
            with (
                images.open("wb") as stream,
                index.open("w", encoding="utf-8", newline="") as listed,
            ):
                _write_header(stream, shape)
                rows = csv.writer(listed, lineterminator="\n")
                rows.writerow([*COLUMNS, COLOURS])
                for row, (name, image) in enumerate(zip(names, packed, strict=True)):
                    if image is None:  # the error at the end of the iteration names it
                        continue
                    pixels = as_colours(image.pixels) if packing.colours else image.pixels
                    stream.write(pixels.tobytes())
                    rows.writerow([name, row, split_of[row], *image[1:-1], int(image.colours)])
                    any_colours |= image.colours
            if packing.colours and not any_colours:
                _without_colours(images, shape)
        except OSError as error:
            size = packing.size
            raise DataError(
                f"{folder}: cannot write {len(names)} images of {size} x {size} pixels "
                f"({math.prod(shape) / 1e6:.0f} MB): {error.strerror or error}"
            ) from error
    return folder


def _write_header(stream: BinaryIO, shape: tuple[int, ...]) -> None:
    header = {"descr": "|u1", "fortran_order": False, "shape": shape}
    npy.write_array_header_1_0(stream, header)


def _without_colours(file: Path, shape: tuple[int, ...]) -> None:
    """Make of an array whose three channels are equal that of one, in its place: a third of the room."""
    rows, *image = shape
    with file.open("rb") as wide, file.open("r+b") as narrow:
        npy.read_magic(wide)
        npy.read_array_header_1_0(wide)
        _write_header(narrow, shape[:-1])
        for _ in range(rows):  # what is written never overtakes what is still to be read
            repeated = np.frombuffer(wide.read(math.prod(image)), dtype=np.uint8)
            narrow.write(repeated[::3].tobytes())
        narrow.truncate()


def _map(path: Path) -> NDArray[np.uint8]:
    try:
        images: NDArray[np.uint8] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        if isinstance(error, OSError) and error.errno == errno.ENOMEM:
            raise  # nothing is wrong with the file
        raise DataError(f"{path}: cannot be opened: {error}. Run the pack stage again.") from error
    square = images.ndim >= 3 and images.shape[1] == images.shape[2]
    if images.dtype != np.uint8 or not square or images.shape[3:] not in ((), (3,)):
        raise DataError(
            f"{path}: holds {images.dtype} {images.shape}, expected uint8 (N, size, size) or "
            "(N, size, size, 3). Run the pack stage again."
        )
    return images


def _mismatch(folder: Path, found: str) -> DataError:
    return DataError(
        f"{folder}: {IMAGES} and {INDEX} do not belong together ({found}). Run the pack stage again."
    )

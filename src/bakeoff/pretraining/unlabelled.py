"""The images of an unlabelled folder, checked against the test split, packed like those of a split."""

import hashlib
import logging
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from bakeoff.config.experiment import Experiment
from bakeoff.data.decoding import each_image
from bakeoff.data.listing import listed
from bakeoff.data.pack import COLUMNS, IMAGES, INDEX, PackedImages
from bakeoff.data.resizing import checksum, resize
from bakeoff.data.tables import read_split
from bakeoff.errors import DataError
from bakeoff.files import read_json, replacing, write_json
from bakeoff.layout import Layout
from bakeoff.pretraining.patients import refuse_patients_of_test
from bakeoff.pretraining.settings import Pretraining
from bakeoff.training.images import SplitImages

log = logging.getLogger(__name__)

SUFFIXES = (".png", ".jpg", ".jpeg")
SOURCES = "sources.json"


def open_unlabelled(
    settings: Pretraining,
    experiment: Experiment,
    layout: Layout,
    folder: Path,
    device: torch.device,
    workers: int | None = None,
) -> SplitImages:
    """The images of `settings.images` as a split without labels; packed into `folder` once.

    Raises DataError when one of them shows a patient of the test split, or is one of its images.
    """
    if settings.images is None:
        raise ValueError("settings.images names no folder")
    names = list_images(settings.images)
    if known := refuse_patients_of_test(names, settings, experiment, layout):
        log.warning(
            "%s: %d images show patients of the validation split: the best epoch of a variant that "
            "uses these weights is chosen a little too kindly.",
            settings.images,
            len(known),
        )
    packed = pack_folder(settings.images, names, settings.image.size, folder, workers)
    refuse_images_of_test(packed, settings, experiment, layout)
    count = len(names)
    return SplitImages(
        names=names,
        labels=torch.zeros(count, dtype=torch.int64, device=device),  # nothing reads them
        findings=torch.zeros(count, 0, device=device),
        device=device,
        digest=hashlib.sha256("\n".join(packed.checksums).encode()).hexdigest(),
        _resident=None,
        _packed=packed.images,
        _rows=packed.rows(names),
    )


def list_images(folder: Path) -> list[str]:
    """Every PNG and JPEG of a folder and those below it, as sorted POSIX paths relative to it."""
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder (pretraining.images).")
    names = sorted(
        file.relative_to(folder).as_posix()
        for file in folder.rglob("*")
        if file.suffix.lower() in SUFFIXES and file.is_file()
    )
    if not names:
        raise DataError(f"{folder}: holds no PNG or JPEG image (pretraining.images).")
    return names


def pack_folder(
    source: Path, names: list[str], size: int, folder: Path, workers: int | None = None
) -> PackedImages:
    """Decode and resize each image into `folder`, in the format of the pack stage.

    What is packed already is used again as long as no file of the source has changed.
    """
    sources = {"size": size, "files": {name: _stamp(source / name) for name in names}}
    if (folder / SOURCES).exists() and read_json(folder / SOURCES) == sources:
        return PackedImages.open(folder)
    (folder / SOURCES).unlink(missing_ok=True)
    entries = []
    packed = each_image(partial(resize, size), source, names, workers)
    with replacing(folder / INDEX) as index, replacing(folder / IMAGES) as images:
        with images.open("wb") as stream:
            header = {"descr": "|u1", "fortran_order": False, "shape": (len(names), size, size)}
            np.lib.format.write_array_header_1_0(stream, header)
            for row, (name, image) in enumerate(zip(names, packed, strict=True)):
                if image is not None:  # else it is named in the error that ends the iteration
                    stream.write(image.pixels.tobytes())
                    entries.append([name, row, "unlabelled", *image[1:]])
        pd.DataFrame(entries, columns=COLUMNS).to_csv(index, index=False, lineterminator="\n")
    write_json(folder / SOURCES, sources)
    return PackedImages.open(folder)


def refuse_images_of_test(
    packed: PackedImages, settings: Pretraining, experiment: Experiment, layout: Layout
) -> None:
    """Raise DataError if an image of the test split is here too, pixel by pixel, whatever its name."""
    tested = PackedImages.open(layout.packed(settings.image.size))
    names = read_split(layout.split("test"))[experiment.data.image_column]
    digests = {checksum(tested[name]): name for name in names}
    same = [
        f"{name} ({digests[digest]})"
        for name, row in packed.row_of.items()
        if (digest := checksum(packed.images[row])) in digests
    ]
    if same:
        raise DataError(
            f"{settings.images}: {len(same)} images are also in the test split, pixel by pixel: "
            f"{listed(same)}. Take them out."
        )


def _stamp(file: Path) -> list[int]:
    found = file.stat()
    return [found.st_size, found.st_mtime_ns]

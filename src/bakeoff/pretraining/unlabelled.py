"""Packs and opens an unlabelled folder for pretraining, checked against the test split."""

import logging
from collections.abc import Sequence
from pathlib import Path

import torch

from bakeoff.config.experiment import Experiment
from bakeoff.config.packing import INDEX
from bakeoff.config.pretraining import Pretraining
from bakeoff.data.colours import as_grey
from bakeoff.data.duplicates import NEAR, nearest_of, perceptual_hash
from bakeoff.data.image_kinds import KINDS, SUFFIXES
from bakeoff.data.pack import IMAGES, PackedImages, open_packed, write_pack
from bakeoff.data.tables import split_frame
from bakeoff.errors import DataError
from bakeoff.files import read_json, write_json
from bakeoff.layout import Layout
from bakeoff.pretraining.patients import refuse_patients_of_test
from bakeoff.training.images import SplitImages
from bakeoff.wording import listed

log = logging.getLogger(__name__)

SOURCES = "sources.json"


def pack_unlabelled(
    pretraining: Pretraining, experiment: Experiment, layout: Layout, workers: int | None = None
) -> Path:
    """Decode and resize each image of the pretraining's folder, in the format of the pack stage.

    Returns the folder of images.npy and index.csv. An earlier pack is used again while no file of the source
    has changed. Needs the splits and their pack at the same size.

    Raises DataError, before it packs, where an image shows a patient of the test split, and where one
    is an image of the test split under another name.
    """
    source, packing = pretraining.folder, pretraining.variant.image.packing
    target = layout.pretraining(pretraining.name).packed
    names = list_images(source, pretraining)
    refuse_patients_of_test(names, pretraining, experiment, layout)
    sources = {**packing.digested(), "files": {name: _stamp(source / name) for name in names}}
    record = target / SOURCES
    if not (record.exists() and (target / IMAGES).exists() and read_json(record) == sources):
        record.unlink(missing_ok=True)
        write_pack(source, names, ["unlabelled"] * len(names), packing, target, workers)
        write_json(record, sources)
    try:
        refuse_images_of_test(PackedImages.open(target), pretraining, experiment, layout)
    except DataError:
        (target / INDEX).unlink(missing_ok=True)  # so that no pretraining takes this pack
        record.unlink(missing_ok=True)
        raise
    return target


def open_unlabelled(
    pretraining: Pretraining, experiment: Experiment, layout: Layout, device: torch.device
) -> SplitImages:
    """The packed images of the folder, checked once more: the split may have changed.

    Raises DataError where they are not packed, or where one is in the test split.
    """
    folder = layout.pretraining(pretraining.name).packed
    if not (folder / INDEX).exists():
        raise DataError(
            f"{folder / INDEX}: missing. `bakeoff pack-unlabelled --name {pretraining.name}` packs "
            f"the images of {pretraining.folder}."
        )
    packed = PackedImages.open(folder)
    names = list(packed.row_of)
    if known := refuse_patients_of_test(names, pretraining, experiment, layout):
        log.warning(
            "%s: %d images show patients of the validation split: the best epoch of a variant that "
            "uses these weights is chosen a little too kindly.",
            pretraining.folder,
            len(known),
        )
    refuse_images_of_test(packed, pretraining, experiment, layout)
    return SplitImages.unlabelled(names, packed, device)


def list_images(folder: Path, pretraining: Pretraining) -> list[str]:
    """Every image file of a folder and those below it, as sorted POSIX paths relative to it."""
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder ({pretraining.key}.images).")
    names = sorted(
        file.relative_to(folder).as_posix()
        for file in folder.rglob("*")
        if file.suffix.lower() in SUFFIXES and file.is_file()
    )
    if not names:
        raise DataError(f"{folder}: holds no {KINDS} image ({pretraining.key}.images).")
    return names


def refuse_images_of_test(
    packed: PackedImages, pretraining: Pretraining, experiment: Experiment, layout: Layout
) -> None:
    """Raise DataError if an image of the test split is here too, whatever its name.

    Pixel-identical, or encoded again and near-identical by their perceptual hashes.
    """
    tested = open_packed(layout, pretraining.variant.image)
    names = list(split_frame(layout.split("test"))[experiment.data.image_column])
    digests = {
        tested.checksums[row]: name for name, row in zip(names, tested.rows(names), strict=True)
    }
    same = [
        f"{name} ({digests[digest]})"
        for name, digest in zip(packed.row_of, packed.checksums, strict=True)
        if digest in digests
    ]
    if same:
        raise DataError(
            f"{pretraining.folder}: {len(same)} images are also in the test split, pixel by pixel: "
            f"{listed(same)}. Take them out."
        )
    tested_hashes = _hashes(tested, names)
    here = _hashes(packed, list(packed.row_of))
    shown = list(tested_hashes)
    near = (
        []
        if not tested_hashes
        else [
            f"{name} ({shown[at]})"
            for name, (at, bits) in zip(
                here, nearest_of([*here.values()], [*tested_hashes.values()]), strict=True
            )
            if bits <= NEAR
        ]
    )
    if near:
        raise DataError(
            f"{pretraining.folder}: {len(near)} images look the same as images of the test split, "
            f"encoded again, resized or a little brighter: {listed(near)}. Take them out."
        )


def _hashes(packed: PackedImages, names: Sequence[str]) -> dict[str, bytes]:
    """The perceptual hash of each named image; constant images are left out."""
    images = {name: packed.images[row] for name, row in zip(names, packed.rows(names), strict=True)}
    return {
        name: perceptual_hash(as_grey(pixels))
        for name, pixels in images.items()
        if pixels.min() != pixels.max()
    }


def _stamp(file: Path) -> list[int]:
    found = file.stat()
    return [found.st_size, found.st_mtime_ns]

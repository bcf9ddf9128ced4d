"""Many images decoded in parallel; one error names all that cannot be used."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from bakeoff.data.duplicates import perceptual_hash
from bakeoff.data.images import Decoded, decode, pixel_digest
from bakeoff.data.parallel import Progress, parallel_map
from bakeoff.errors import DataError
from bakeoff.pace import Pace
from bakeoff.wording import listed

R = TypeVar("R")


@dataclass(frozen=True)
class ImageFacts:
    """The facts of an image that the audit needs; `mode`, `width` and `height` are the file's."""

    name: str
    mode: str
    width: int
    height: int
    digest: str
    constant: bool  # every pixel has the same value
    perceptual_hash: bytes


def examine_images(
    folder: Path,
    names: Sequence[str],
    workers: int | None = None,
    progress: Progress | None = None,
) -> list[ImageFacts]:
    """Decode and digest every image; one DataError names all that cannot be used."""
    progress = progress or Pace("looking")
    found = list(each_image(_facts, folder, names, workers, progress))
    return [fact for fact in found if fact is not None]


def each_image(
    function: Callable[[str, Decoded], R],
    folder: Path,
    names: Sequence[str],
    workers: int | None = None,
    progress: Progress | None = None,
) -> Iterator[R | None]:
    """`function(name, decoded image)` of each image in order, None for a bad one.

    All are tried; then, if any was bad, DataError names the bad ones (the first 20, and how many more).
    `function` must be importable: it runs in spawned processes.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; data.images must be the folder of the images")
    bad: list[str] = []
    for result in parallel_map(
        partial(_decode_and_apply, function, folder), names, workers, progress
    ):
        if isinstance(result, _Bad):
            bad.append(result.reason)
            yield None
        else:
            yield result
    if bad:
        raise DataError(
            f"{folder}: {len(bad)} of {len(names)} images cannot be used:\n  {listed(bad, chr(10) + '  ')}\n"
            "Correct the files, or take their rows out of the table."
        )


@dataclass(frozen=True)
class _Bad:
    reason: str


def _decode_and_apply(function: Callable[[str, Decoded], R], folder: Path, name: str) -> R | _Bad:
    try:
        return function(name, decode(folder, name))
    except DataError as error:
        return _Bad(str(error))


def _facts(name: str, image: Decoded) -> ImageFacts:
    pixels, mode, width, height = image
    constant = bool(pixels.min() == pixels.max())
    digest, similarity_hash = pixel_digest(pixels), perceptual_hash(pixels)
    return ImageFacts(name, mode, width, height, digest, constant, similarity_hash)

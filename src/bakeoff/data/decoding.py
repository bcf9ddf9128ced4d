"""Many images decoded in parallel; one error names all that cannot be used."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

from bakeoff.data.duplicates import perceptual_hash
from bakeoff.data.image_kinds import ENDINGS
from bakeoff.data.images import Decoded, decode, pixel_digest
from bakeoff.data.locating import find
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
    colours: bool = False  # it has some: its channels differ


def examine_images(
    folder: Path,
    names: Sequence[str],
    workers: int | None = None,
    progress: Progress | None = None,
    suffix: str = "",
) -> list[ImageFacts]:
    """Decode and digest every image; one DataError names all that cannot be used."""
    progress = progress or Pace("looking")
    found = list(each_image(_facts, folder, names, workers, progress, suffix))
    return [fact for fact in found if fact is not None]


def each_image(
    function: Callable[[str, Decoded], R],
    folder: Path,
    names: Sequence[str],
    workers: int | None = None,
    progress: Progress | None = None,
    suffix: str = "",
) -> Iterator[R | None]:
    """`function(name, decoded image)` of each image in order, None for a bad one.

    Names are those of a table: `locating.find` says where their files are, `suffix` is `data.suffix`. All
    are tried; then, if any was bad, DataError names the bad ones (the first 20, and how many more).
    `function` must be importable: it runs in threads, or in spawned processes where files are DICOM, some of
    whose decoders are written in Python.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; data.images must be the folder of the images")
    places = find(folder, names, suffix)
    items = [_Item(name, places.found.get(name)) for name in names]
    bad: list[str] = []
    results = parallel_map(
        partial(_decode_and_apply, function, folder),
        items,
        workers,
        progress,
        threads=not any(
            place.lower().endswith(ENDINGS["DICOM"]) for place in places.found.values()
        ),
    )
    for name, result in zip(names, results, strict=True):
        if isinstance(result, _Bad):
            bad.append(result.reason or places.problem(name))
            yield None
        else:
            yield result
    if bad:
        raise DataError(
            f"{folder}: {len(bad)} of {len(names)} images cannot be used:\n  {listed(bad, chr(10) + '  ')}\n"
            + (
                places.advice
                or "Correct the files, or leave them out: the rows of a table, the files of class folders."
            )
        )


class _Item(NamedTuple):
    name: str
    place: str | None  # its path below the folder


@dataclass(frozen=True)
class _Bad:
    reason: str  # "" where there is no file


def _decode_and_apply(function: Callable[[str, Decoded], R], folder: Path, item: _Item) -> R | _Bad:
    if item.place is None:
        return _Bad("")
    try:
        return function(item.name, decode(folder, item.place))
    except DataError as error:
        return _Bad(str(error))
    except Exception as error:  # none that is known of, such as a lack of memory
        error.add_note(f"This happened with the image {folder / item.place}.")
        raise


def _facts(name: str, image: Decoded) -> ImageFacts:
    shown = image.shown
    constant = bool((shown == shown[0, 0]).all())
    digest, similarity_hash = pixel_digest(shown), perceptual_hash(image.pixels)
    return ImageFacts(
        name=name,
        mode=image.mode,
        width=image.width,
        height=image.height,
        digest=digest,
        constant=constant,
        perceptual_hash=similarity_hash,
        colours=image.colours is not None,
    )

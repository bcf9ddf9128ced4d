"""Fill a folder with synthetic images: drawn in parallel, the labels last, nothing where all is there."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from bakeoff import files
from bakeoff.data.parallel import Progress, parallel_map
from bakeoff.data.synthesis import folder as place
from bakeoff.errors import DataError
from bakeoff.pace import Pace


class Named(Protocol):
    """What is drawn: an image has a name."""

    @property
    def image(self) -> str:
        """Its name, as the tables have it."""


T = TypeVar("T", bound=Named)


@dataclass(frozen=True)
class Contents(Generic[T]):
    """What a folder is to hold, all of it a function of `arguments` and of the generator's `version`."""

    names: place.Names
    arguments: Mapping[str, Any]
    version: int
    summary: Mapping[str, Any]  # counts and ceilings, for synthesis.json
    labels: str  # the tables' texts
    hidden: str
    images: Sequence[T]


def fill(
    folder: Path,
    contents: Contents[T],
    save: Callable[[T, Path], None],
    workers: int | None = None,
    progress: Progress | None = None,
) -> bool:
    """Make the folder hold its contents; True if it did already.

    `save` draws an image into a file and has to be importable, or a partial of what is. Raises ConfigError
    for `workers` below 1; DataError for a folder that holds other data or cannot be written.
    """
    place.require_workers(workers)
    names = contents.names
    found = place.manifest(folder, names)
    paths = [names.path(folder, one.image) for one in contents.images]
    tables = {names.labels: contents.labels, names.hidden: contents.hidden}
    if found is not None and _is_complete(folder, found, contents, tables, paths):
        return True
    try:
        place.remove_earlier(folder, names, keep={one.image for one in contents.images})
        place.claim(folder, contents.arguments, contents.version, contents.summary, contents.labels)
        files.write_text(folder / names.hidden, contents.hidden)
        parents = sorted({path.parent for path in paths})
        for parent in parents:
            parent.mkdir(parents=True, exist_ok=True)
        write = partial(_write, folder=folder, names=names, save=save)
        for _ in parallel_map(write, contents.images, workers, progress or Pace("drawing")):
            pass
        # All at the end: waiting for each image would take longer.
        for path in (*paths, *parents):
            files.flush(path)
        files.write_text(folder / names.labels, contents.labels)
    except OSError as error:
        raise DataError(
            f"{error.filename or folder}: cannot be written ({error.strerror}). Free or choose "
            "another place and start again; what is there is made anew."
        ) from error
    return False


def _is_complete(
    folder: Path,
    found: Mapping[str, Any],
    contents: Contents[T],
    tables: Mapping[str, str],
    paths: Sequence[Path],
) -> bool:
    """Whether the folder holds what is asked for: the tables as they should be, every image."""
    return (
        found.get("version") == contents.version
        and found.get("arguments") == contents.arguments
        and all(_holds(folder / name, text) for name, text in tables.items())
        and all(path.is_file() for path in paths)
    )


def _holds(path: Path, text: str) -> bool:
    return path.is_file() and path.read_bytes() == text.encode()


def _write(image: T, *, folder: Path, names: place.Names, save: Callable[[T, Path], None]) -> None:
    path = names.path(folder, image.image)
    unfinished = place.unfinished(path)
    save(image, unfinished)
    unfinished.replace(path)

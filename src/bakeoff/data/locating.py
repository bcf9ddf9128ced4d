"""Where the images of a table's names lie: in the image folder or below it, and nowhere else."""

import os
import posixpath
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from bakeoff.data.image_kinds import KINDS, SUFFIXES
from bakeoff.data.misnaming import Misnaming, advice, keys_of, misnamed, with_suffix
from bakeoff.errors import DataError
from bakeoff.wording import few

MOST_FILES = 5_000_000
"""Files below a folder that are looked through at most for names that are not directly in it."""

EXPLAINED = 1000
"""Missing names for which the file that may be meant is looked for."""

LEAVES = "leaves the image folder; expected a path in it without '..'"


class Places(NamedTuple):
    """The files of names: `found` has the path below the folder of each name that has one.

    `missing` has the others, with the file that may be meant or "". `refused` has those that are not
    looked for, or have several files, with the reason. `advice` is what to write for them, in sentences.
    """

    found: dict[str, str]
    missing: dict[str, str]
    refused: dict[str, str]
    advice: str

    def problem(self, name: str) -> str:
        """Why a name has no file, in words that begin with it."""
        if name in self.refused:
            return f"{name}: {self.refused[name]}"
        instead = self.missing[name]
        return f"{name}: missing{instead and f'; there is {instead}'}"


def find(folder: Path, names: Iterable[str], suffix: str = "") -> Places:
    """The file of each name, a path in `folder` or the bare name of a file anywhere below it.

    A name with a file directly in the folder means that one: where all have, only the folders that they
    name are listed. For others the folder and all below it are listed, once. An absolute path has
    to lead into the folder, though it may do so through links. `suffix` is `data.suffix`.
    """
    paths = {name: with_suffix(name, suffix) for name in names}
    places, refused = _as_written(folder, paths)
    found = _directly(folder, places)
    rest = {name: path for name, path in paths.items() if name not in found}
    outside = {name for name in refused if rest[name].startswith("/")}
    lost = {name: path for name, path in rest.items() if name not in refused or name in outside}
    below = _Below(folder, lost.values())
    missing: dict[str, Misnaming] = {}
    for name, path in lost.items():
        files = below.meant_by(path)
        if len(files) == 1:
            found[name] = files[0]
            refused.pop(name, None)
        elif files:
            refused[name] = (
                f"{len(files)} files have this name, {few(files, 5)}; write in the table which one is "
                "meant, by its path in the image folder"
            )
        else:
            near = below.alike(path) if len(missing) < EXPLAINED else []
            missing[name] = misnamed(path, near)
    sentences = advice(missing.values(), folder)
    if missing and not sentences and not found:
        sentences = _example(folder)
    for name in outside & missing.keys():
        instead = missing.pop(name).file
        refused[name] += instead and f"; there is {instead}"
    return Places(found, {name: it.file for name, it in missing.items()}, refused, sentences)


def locate(folder: Path, name: str) -> Path:
    """The file `name` in `folder`; DataError if it is not there or the name leads out of the folder.

    A link inside the folder may lead anywhere: the folder's owner put it there, often because the images
    are in several places. Names in the table are not trusted.
    """
    if Path(name).is_absolute():
        raise DataError(f"{name}: absolute path; expected one inside the image folder")
    if ".." in Path(name).parts:
        raise DataError(f"{name}: {LEAVES}")
    try:
        path = (folder / name).resolve()
        if not path.exists():
            raise DataError(f"{name}: missing")
        # Reading a pipe would block for ever.
        if not path.is_file():
            raise DataError(f"{name}: not a file")
    except (OSError, RuntimeError, ValueError) as error:  # loops of links, over-long names, NUL
        raise DataError(f"{name}: not a usable path: {error}") from error
    return path


def files_below(folder: Path) -> Iterator[str]:
    """Every file in a folder and those below it, by its path in it, sorted in each folder.

    Linked folders are followed, but no folder is listed twice, so that a loop of links ends. Hidden ones
    are passed over: programs and file systems keep copies of the visible files there.
    """
    seen = set[tuple[int, int]]()
    ahead = [""]
    while ahead:
        below = ahead.pop()
        try:
            status = (folder / below).stat()
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(folder / below) as listing:
                entries = sorted((entry.name, entry.is_dir()) for entry in listing)
        except OSError:
            continue  # one that may not be listed: its files are missing
        yield from (below + name for name, is_folder in entries if not is_folder)
        ahead += [
            f"{below}{name}/"
            for name, is_folder in reversed(entries)
            if is_folder and not name.startswith(".")
        ]


def _as_written(folder: Path, paths: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """The path in the folder that each name means as it is written, and why the others mean none."""
    places, refused = {}, {}
    top, real_top = f"{posixpath.normpath(folder.absolute())}/", f"{os.path.realpath(folder)}/"
    real = cache(os.path.realpath)  # of folders, which are fewer than files
    for name, path in paths.items():
        if ".." in PurePosixPath(path).parts:
            refused[name] = LEAVES
        elif not path.startswith("/"):
            places[name] = path
        else:
            parent, base = posixpath.split(posixpath.normpath(path))
            ways = ((top, f"{parent}/{base}"), (real_top, f"{real(parent)}/{base}"))
            inside = [way.removeprefix(start) for start, way in ways if way.startswith(start)]
            if inside:
                places[name] = inside[0]
            else:
                refused[name] = f"absolute path that leads out of the image folder {folder}"
    return places, refused


def _directly(folder: Path, places: Mapping[str, str]) -> dict[str, str]:
    """The paths at which there is something, by listing each folder that they name."""
    by_folder: dict[str, list[str]] = defaultdict(list)
    for name, place in places.items():
        by_folder[posixpath.dirname(posixpath.normpath(place))].append(name)
    found: dict[str, str] = {}
    for below, inside in by_folder.items():
        try:
            with os.scandir(folder / below) as listing:
                there = {entry.name for entry in listing}
        except (OSError, ValueError):  # a NUL in the name
            continue
        found |= {n: places[n] for n in inside if posixpath.basename(places[n]) in there}
    return found


class _Below:
    """The files in and below the folder that a lost path may mean; everything is listed once."""

    def __init__(self, folder: Path, paths: Collection[str]) -> None:
        self._folder = folder
        self._by_name = _by_keys(folder, {key for path in paths for key in keys_of(path)})
        self._by_file: dict[str, str] = {}
        if any(path.startswith("/") for path in paths):
            files = {file for files in self._by_name.values() for file in files}
            self._by_file = {os.path.realpath(folder / file): file for file in sorted(files)}

    def meant_by(self, path: str) -> list[str]:
        """The files of a bare name, or the very file of an absolute path; links to one count once."""
        if path.startswith("/"):
            file = self._by_file.get(os.path.realpath(path))
            return [] if file is None else [file]
        name = posixpath.normpath(path)
        same = [f for f in self._by_name.get(name.casefold(), ()) if posixpath.basename(f) == name]
        if len(same) < 2:
            return same
        return list({os.path.realpath(self._folder / f): f for f in reversed(same)}.values())[::-1]

    def alike(self, path: str) -> list[str]:
        """The files whose names differ from the path's in case, ending or folder."""
        return sorted({file for key in keys_of(path) for file in self._by_name.get(key, ())})


def _by_keys(folder: Path, keys: set[str]) -> dict[str, list[str]]:
    if not keys:
        return {}
    found: dict[str, list[str]] = defaultdict(list)
    for count, file in enumerate(files_below(folder)):
        if count == MOST_FILES:
            raise DataError(
                f"{folder}: names of the table are not directly in it, and there are more than "
                f"{MOST_FILES:,} files below it. Name the folder of these images: data.images"
            )
        for key in keys_of(file) & keys:
            found[key].append(file)
    return found


def _example(folder: Path) -> str:
    for file in files_below(folder):
        if file.lower().endswith(SUFFIXES):
            return f"There is, for example, {file}."
    return f"There is no {KINDS} in that folder or below it: correct data.images."

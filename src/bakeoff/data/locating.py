"""Where the images of a table's names lie: in the image folder or below it, and nowhere else."""

import os
import posixpath
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from bakeoff.data.below import Below, files_below
from bakeoff.data.image_kinds import KINDS, SUFFIXES
from bakeoff.data.misnaming import Misnaming, advice, misnamed, with_suffix
from bakeoff.errors import DataError
from bakeoff.wording import few

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
    below = Below(folder, lost.values())
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
    _refuse_repeated(found, refused)
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


def _refuse_repeated(found: dict[str, str], refused: dict[str, str]) -> None:
    """Refuse names, such as `a.png` and `images_001/a.png`, that mean the file of an earlier one."""
    name_of: dict[str, str] = {}
    for name, place in list(found.items()):
        earlier = name_of.setdefault(posixpath.normpath(place), name)
        if earlier != name:
            refused[name] = f"the same file as {earlier}, {found.pop(name)}; keep one row per image"


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


def _example(folder: Path) -> str:
    for file in files_below(folder):
        if file.lower().endswith(SUFFIXES):
            return f"There is, for example, {file}."
    return f"There is no {KINDS} in that folder or below it: correct data.images."

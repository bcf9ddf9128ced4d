"""The files below a folder, each once, and those of them whose names resemble others."""

import os
import posixpath
from collections import defaultdict
from collections.abc import Collection, Iterator
from pathlib import Path

from bakeoff.data.misnaming import keys_of
from bakeoff.errors import DataError

MOST_FILES = 5_000_000
"""Files below a folder that are looked through at most for names that are not directly in it."""


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
                entries = sorted((entry.name, _is_folder(entry)) for entry in listing)
        except OSError:
            continue  # one that may not be listed: its files are missing
        yield from (below + name for name, is_folder in entries if not is_folder)
        ahead += [
            f"{below}{name}/"
            for name, is_folder in reversed(entries)
            if is_folder and not name.startswith(".")
        ]


class Below:
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


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


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

"""Class folders: images whose labels are the names of the folders that they are in.

`DIR/<class>/...`, or below folders of splits, `DIR/train/<class>/...` and `DIR/test/<class>/...`. A class has
the images directly in its folder and in all folders below it, as torchvision's ImageFolder counts them.
"""

import hashlib
import os
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from bakeoff.data.below import files_below
from bakeoff.data.image_kinds import KINDS, SUFFIXES
from bakeoff.data.split_names import split_named
from bakeoff.errors import DataError
from bakeoff.layout import SplitName
from bakeoff.wording import few, listed, plural

if TYPE_CHECKING:
    from bakeoff.config.schema import Data

SPLIT = "split"
"""The column with the folder of each image's split, where there are such."""

NO_CLASSES = ("__macosx", "lost+found", "@eadir", "$recycle.bin", "system volume information")
"""Folders that programs and file systems leave beside others; case does not count. Hidden ones are too."""

NO_FILES = ("thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r")
"""Files that they leave."""


class FolderImage(NamedTuple):
    """An image by its path below the folder, its class, and the folder of its split, or ""."""

    path: str
    label: str
    split: str


class ClassFolders(NamedTuple):
    """All images, sorted by split, class and path; files and images that were left out, in sentences."""

    images: list[FolderImage]
    notes: list[str]
    warnings: list[str]


def read_class_folders(folder: Path, known: Collection[str] = ()) -> ClassFolders:
    """The labelled images of a folder; opens none of them. Folders named as in `known` are classes.

    Raises DataError for what is no folder of class folders: folders of splits beside others, fewer than two
    classes, classes without an image or whose names differ only in case or blanks.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder (data.images), seen from {Path.cwd()}")
    splits = _split_folders(folder, known)
    classes = {split: folders_of(folder / split) for split in splits}
    _require_classes(folder, classes)
    images, empty, passed_over = list[FolderImage](), list[str](), Counter[str]()
    for split, names in classes.items():
        for name in names:
            place = f"{split}/{name}" if split else name
            others = Counter[str]()
            before = len(images)
            for file in files_below(folder / place):
                if file.lower().endswith(SUFFIXES) and not _is_left_behind(file):
                    images.append(FolderImage(f"{place}/{file}", name, split))
                elif not _is_left_behind(file):
                    others[_ending(file)] += 1
            passed_over += others
            if len(images) == before:
                empty.append(place + (f" (only {_counted(others)})" if others else ""))
    if empty:
        raise DataError(
            f"{folder}: {plural(len(empty), 'class folder')} without a {KINDS} image: {listed(empty)}. "
            "Fill them, or remove them."
        )
    notes = [
        f"Files in {folder} that are no {KINDS} images by their endings, left out: {_counted(passed_over)}."
    ]
    return ClassFolders(images, notes if passed_over else [], list(_loose(folder, splits)))


def listing_digest(data: "Data") -> str:
    """A short digest of which images are in which class folder; what is in them does not count.

    Empty for a table, for folders that a job makes, and where the folders cannot be read: whoever needs
    them says why.
    """
    if data.labels is not None or data.made_last is not None:
        return ""
    try:
        images = read_class_folders(data.images, data.written_task.vocabulary).images
    except DataError:
        return ""
    names = "\n".join(image.path for image in images)
    return hashlib.sha256(names.encode(errors="surrogateescape")).hexdigest()[:12]


def folders_that_count(folder: Path) -> Iterator[Path]:
    """The folder, those of classes and those of splits: whose time changes when a file comes or goes."""
    yield folder
    for name in folders_of(folder):
        yield folder / name
        yield from (folder / name / below for below in folders_of(folder / name))


def _split_folders(folder: Path, known: Collection[str]) -> list[str]:
    """The folders of splits that hold the class folders; [""] where the folder holds those itself."""
    names = folders_of(folder)
    splits = {name: split for name in names if (split := split_named(name)) and name not in known}
    others = [name for name in names if name not in splits]
    if not splits:
        return [""]
    if others:
        raise DataError(
            f"{folder}: holds folders of splits ({', '.join(splits)}) beside others ({few(others, 5)}). "
            f"{_expected(folder)}: move what is neither; a class that is called like a split is listed "
            "with the others (task.classes)."
        )
    by_split: dict[SplitName, list[str]] = defaultdict(list)
    for name, split in splits.items():
        by_split[split].append(name)
    if twice := [" and ".join(ones) for ones in by_split.values() if len(ones) > 1]:
        raise DataError(f"{folder}: {listed(twice)} name the same split. Keep one of them.")
    if without := [name for name in splits if not folders_of(folder / name)]:
        raise DataError(
            f"{folder}: {' and '.join(without)} {'hold' if len(without) > 1 else 'holds'} no class folders. "
            f"{_expected(folder)}."
        )
    if "train" not in by_split:
        raise DataError(
            f"{folder}: its folders {', '.join(splits)} are of splits, and none is for training. "
            f"{_expected(folder)}."
        )
    return list(splits)


def _require_classes(folder: Path, classes: dict[str, list[str]]) -> None:
    places = defaultdict(list)
    for split, names in classes.items():
        for name in names:
            places[name].append(f"{split}/{name}" if split else name)
    alike = defaultdict(list)
    for name, where in places.items():
        alike[re.sub(r"\s+", " ", name).strip().casefold()].append(where[0])
    if odd := [" and ".join(ones) for ones in alike.values() if len(ones) > 1]:
        raise DataError(
            f"{folder}: classes whose names differ only in case or blanks: {listed(odd)}. Give each class "
            "one name."
        )
    if len(places) > 1:
        return
    if not places:
        raise DataError(f"{folder}: holds no class folders. {_expected(folder)}.")
    only = next(iter(places))
    hint = ""
    if "" in classes and len(below := folders_of(folder / only)) > 1:
        hint = f" If {few(below, 5)} are the classes, or hold them: data.images: {folder / only}"
    raise DataError(f"{folder}: '{only}' is the only class; a task needs two at least.{hint}")


def _loose(folder: Path, splits: Sequence[str]) -> Iterator[str]:
    found = [
        (PurePosixPath(place) / file).as_posix()
        for place in dict.fromkeys(("", *splits))
        for file in _images(folder / place)
    ]
    if found:
        yield f"{folder}: {plural(len(found), 'image')} in no class folder, left out: {listed(found)}"


def folders_of(place: Path) -> list[str]:
    """The folders directly in a place that programs and file systems have not left there, by their names."""
    try:
        with os.scandir(place) as entries:
            return sorted(
                entry.name
                for entry in entries
                if not _is_left_behind(entry.name) and entry.is_dir()
            )
    except OSError as error:
        raise DataError(f"{place}: cannot be listed: {error.strerror or error}") from error


def _images(place: Path) -> list[str]:
    """The images directly in a folder."""
    with os.scandir(place) as entries:
        return sorted(
            entry.name
            for entry in entries
            if entry.name.lower().endswith(SUFFIXES)
            and not _is_left_behind(entry.name)
            and entry.is_file()
        )


def _is_left_behind(path: str) -> bool:
    """Whether a program or a file system has left it there: it is hidden, or named so."""
    *folders, name = path.split("/")
    return (
        name.startswith(".")
        or name.lower() in (*NO_FILES, *NO_CLASSES)
        or any(folder.lower() in NO_CLASSES for folder in folders)
    )


def _ending(file: str) -> str:
    return PurePosixPath(file).suffix.lower() or "no ending"


def _counted(endings: Counter[str]) -> str:
    return ", ".join(f"{count} {ending}" for ending, count in endings.most_common(5))


def _expected(folder: Path) -> str:
    return f"Expected {folder}/<class>/ with images, or {folder}/train/<class>/ and {folder}/test/<class>/"

"""The folder of a synthetic data set: who wrote it, whether it is complete, and from which arguments."""

import csv
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from bakeoff import files
from bakeoff.errors import ConfigError, DataError
from bakeoff.layout import MANIFEST

GENERATOR = "bakeoff synthesize"
UNFINISHED = re.compile(r"\..+\.png\.\d+")
FIRST_KIND = "xrays"
"""What a manifest that names no kind is of."""


@dataclass(frozen=True)
class Names:
    """What a kind of synthetic data calls its files."""

    kind: str
    labels: str
    hidden: str  # the table of what the labels do not say; `Image Index` names the images
    below: str  # the folder that images are named from
    folders: tuple[str, ...]  # that images are in
    image: re.Pattern[str]  # the name of an image

    def path(self, folder: Path, image: str) -> Path:
        """Where an image is."""
        return folder / self.below / image


def require_int(name: str, value: object, low: int, high: int) -> None:
    """Raise ConfigError unless the argument is a whole number in low..high."""
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise ConfigError(f"{name}: expected a whole number in {low}..{high}, found {value!r}")


def require_workers(workers: int | None) -> None:
    """Refuse a number of processes below 1."""
    if workers is not None:
        require_int("workers", workers, 1, 1024)


def manifest(folder: Path, names: Names) -> dict[str, Any] | None:
    """The manifest of the folder; None if there is none and the folder holds nothing that could be lost.

    Raises DataError where it holds labels or images that are not this generator's, or is no folder.
    """
    if folder.exists() and not folder.is_dir():
        raise DataError(f"{folder}: is a file, expected a folder to write synthetic data into")
    path = folder / MANIFEST
    if not path.exists():
        _require_nothing_to_lose(folder, names)
        return None
    try:
        found = files.read_json(path)
        ours = found["generator"] == GENERATOR
        digest = found["labels_sha256"]
        kind = found["arguments"].get("kind", FIRST_KIND)
    except (OSError, json.JSONDecodeError, UnicodeDecodeError, AttributeError, KeyError, TypeError):
        ours = False
    if not ours:
        raise DataError(f"{path}: was not written by `{GENERATOR}`. Choose another folder.")
    if kind != names.kind:
        raise DataError(
            f"{folder}: holds synthetic images of kind {kind}, asked for are {names.kind}. "
            "Choose another folder, or take this one away."
        )
    labels = folder / names.labels
    if labels.exists() and files.sha256(labels) != digest:
        raise DataError(
            f"{labels}: is not the file that `{GENERATOR}` wrote here, so it is not overwritten. "
            "Move it away, or choose another folder."
        )
    return dict(found)


def _require_nothing_to_lose(folder: Path, names: Names) -> None:
    found = [path for name in (names.labels, names.hidden) if (path := folder / name).exists()]
    for images in (folder / name for name in names.folders):
        if images.exists() and (not images.is_dir() or any(images.iterdir())):
            found.append(images)
    if found:
        raise DataError(
            f"{folder}: holds other data ({', '.join(path.name for path in found)}, but no {MANIFEST}), "
            "which synthetic data would overwrite. Choose another folder, or move them away."
        )


def remove_earlier(folder: Path, names: Names, keep: set[str]) -> None:
    """Take away what an earlier call wrote: its labels, and its images that are not in `keep`.

    The labels go first: from here to the end the folder has none, so nobody takes it for complete.
    """
    (folder / names.labels).unlink(missing_ok=True)
    if (folder / names.hidden).is_file():
        with (folder / names.hidden).open(encoding="utf-8", newline="") as stream:
            named = {row.get("Image Index") or "" for row in csv.DictReader(stream)}
        for name in named - keep:
            if names.image.fullmatch(name):
                names.path(folder, name).unlink(missing_ok=True)
    for images in names.folders:
        for path in (folder / images).rglob(".*"):
            if UNFINISHED.fullmatch(path.name):  # by a call that was killed
                path.unlink(missing_ok=True)


def unfinished(image: Path) -> Path:
    """Where an image is written before it takes its name."""
    return image.with_name(f".{image.name}.{os.getpid()}")


def claim(
    folder: Path,
    arguments: Mapping[str, Any],
    version: int,
    summary: Mapping[str, Any],
    labels: str,
) -> None:
    """Write synthesis.json: the arguments, and the digest by which its labels are recognised later."""
    content = {
        "generator": GENERATOR,
        "version": version,
        "arguments": dict(arguments),
        **summary,
        "labels_sha256": sha256(labels.encode()).hexdigest(),
    }
    files.write_json(folder / MANIFEST, content)

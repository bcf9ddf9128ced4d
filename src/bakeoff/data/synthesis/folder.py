"""The folder of a synthetic data set: who wrote it, whether it is complete, and from which arguments."""

import csv
import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from bakeoff import files
from bakeoff.config.digest import SYNTHESIS
from bakeoff.data.synthesis.ceiling import SEVERITY
from bakeoff.errors import ConfigError, DataError

GENERATOR = "bakeoff synthesize"
LABELS = "sample_labels.csv"
MANIFEST = "synthesis.json"
IMAGES = "images"
FILM = re.compile(r"\d{8}_\d{3,}\.png")
UNFINISHED = re.compile(r"\.\d{8}_\d{3,}\.png\.\d+")


@dataclass(frozen=True)
class Arguments:
    """What a synthetic data set is a function of."""

    images: int
    size: int
    seed: int
    rgba_share: float

    def __post_init__(self) -> None:
        _require_int("images", self.images, 4, 1_000_000)
        _require_int("size", self.size, 32, 4096)
        _require_int("seed", self.seed, 0, 2**32 - 1)
        if not 0 <= self.rgba_share <= 1:
            raise ConfigError(f"rgba_share: expected a share in 0..1, found {self.rgba_share!r}")


def _require_int(name: str, value: object, low: int, high: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise ConfigError(f"{name}: expected a whole number in {low}..{high}, found {value!r}")


def require_workers(workers: int | None) -> None:
    """Refuse a number of processes below 1."""
    if workers is not None:
        _require_int("workers", workers, 1, 1024)


def manifest(folder: Path) -> dict[str, Any] | None:
    """The manifest of the folder; None if there is none and the folder holds nothing that could be lost.

    Raises DataError where it holds labels or images that are not the generator's, or is no folder.
    """
    if folder.exists() and not folder.is_dir():
        raise DataError(f"{folder}: is a file, expected a folder to write synthetic data into")
    path = folder / MANIFEST
    if not path.exists():
        _require_nothing_to_lose(folder)
        return None
    try:
        found = files.read_json(path)
        ours = found["generator"] == GENERATOR
        digest = found["labels_sha256"]
    except (OSError, json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError):
        ours = False
    if not ours:
        raise DataError(f"{path}: was not written by `{GENERATOR}`. Choose another folder.")
    labels = folder / LABELS
    if labels.exists() and files.sha256(labels) != digest:
        raise DataError(
            f"{labels}: is not the file that `{GENERATOR}` wrote here, so it is not overwritten. "
            "Move it away, or choose another folder."
        )
    return dict(found)


def _require_nothing_to_lose(folder: Path) -> None:
    images = folder / IMAGES
    found = [path for path in (folder / LABELS, folder / SEVERITY) if path.exists()]
    if images.exists() and (not images.is_dir() or any(images.iterdir())):
        found.append(images)
    if found:
        raise DataError(
            f"{folder}: holds other data ({', '.join(path.name for path in found)}, but no {MANIFEST}), "
            "which synthetic data would overwrite. Choose another folder, or move them away."
        )


def is_complete(
    folder: Path,
    found: dict[str, Any],
    arguments: Arguments,
    texts: dict[str, str],
    films: set[str],
) -> bool:
    """Whether the folder holds what the arguments ask for: the tables as they should be, every film."""
    return (
        found.get("version") == SYNTHESIS
        and found.get("arguments") == asdict(arguments)
        and all(_holds(folder / name, text) for name, text in texts.items())
        and all((folder / IMAGES / name).is_file() for name in films)
    )


def remove_earlier(folder: Path, keep: set[str]) -> None:
    """Take away what an earlier call wrote: its labels, and its films that are not in `keep`.

    The labels go first: from here to the end the folder has none, so nobody takes it for complete.
    """
    (folder / LABELS).unlink(missing_ok=True)
    if (folder / SEVERITY).is_file():
        with (folder / SEVERITY).open(encoding="utf-8", newline="") as stream:
            named = {row.get("Image Index") or "" for row in csv.DictReader(stream)}
        for name in named - keep:
            if FILM.fullmatch(name):
                (folder / IMAGES / name).unlink(missing_ok=True)
    for path in (folder / IMAGES).glob(".*"):
        if UNFINISHED.fullmatch(path.name):  # by a call that was killed
            path.unlink(missing_ok=True)


def unfinished(images: Path, film: str) -> Path:
    """Where a film is written before it takes its name."""
    return images / f".{film}.{os.getpid()}"


def claim(folder: Path, arguments: Arguments, summary: Mapping[str, Any], labels: str) -> None:
    """Write synthesis.json: the arguments, and the digest by which its labels are recognised later."""
    content = {
        "generator": GENERATOR,
        "version": SYNTHESIS,
        "arguments": asdict(arguments),
        **summary,
        "labels_sha256": sha256(labels.encode()).hexdigest(),
    }
    files.write_json(folder / MANIFEST, content)


def _holds(path: Path, text: str) -> bool:
    return path.is_file() and path.read_bytes() == text.encode()

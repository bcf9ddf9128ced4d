"""Checks of the table and the images against the configuration, before any job: all problems at once.

`bakeoff plan`, `bakeoff doctor` and the start of Snakemake run them. They open the table, list the folder
and read the headers of some images; they decode and write nothing.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from bakeoff.config.experiment import Experiment
from bakeoff.config.schema import Data, Split
from bakeoff.data.feasibility import in_words
from bakeoff.data.grouping import group_word
from bakeoff.data.image_files import read_header
from bakeoff.data.locating import find
from bakeoff.data.proposal import proposal, rows_wanted, too_few
from bakeoff.data.splits import SplitInspection, inspect_split
from bakeoff.errors import DataError
from bakeoff.wording import listed

HEADERS = 200
"""Images, evenly spread over the table, whose headers are read."""


class Readiness(NamedTuple):
    """Problems of the data, in sentences, and the YAML lines that would solve those that lines can solve."""

    problems: list[str]
    lines: str  # empty where no lines help
    checked: str  # what was checked, in words
    warnings: list[str]  # what may be intended, and should be known before anything runs

    def __str__(self) -> str:
        text = "\n".join(self.problems)
        return f"{text}\nLines that would fit this table:\n{self.lines}" if self.lines else text


def examine(experiment: Experiment, *, images: bool = True) -> Readiness:
    """All problems between the configuration and its split; raises nothing.

    Without `images` only the table is checked. Problems that the proposed lines would bring up are listed
    too. Data that the first job makes or fetches is no problem before it is there. Where the data is split
    several ways, a problem that not all of them have begins with those that do.
    """
    if experiment.parts:
        return _of_all([(one.split_as, examine(one, images=images)) for one in experiment.parts])
    data, split = experiment.data, experiment.split
    if data.made_last is not None and not data.made_last.exists():
        return Readiness(
            [], "", f"{data.made_last} will be made by the first job ({data.source})", []
        )
    found = inspect_split(data, split)
    problems = list(_problems(found, data, split, images))
    lines = ""
    if problems:
        lines, mended, smaller = proposal(data, split)
        if lines:
            then = _problems(inspect_split(mended, smaller), mended, smaller, images)
            problems += [one for one in then if one not in problems]
    if found.labels is not None:
        problems += experiment.unmeasurable(found.labels.task)
    where = " and ".join(map(str, dict.fromkeys((data.labelled_by, data.images))))
    fit = "fits" if data.labelled_by == data.images else "fit"
    checked = f"{where} {fit} the configuration: split {_made(found, split)}"
    return Readiness(problems, lines, checked, found.warnings + _allowed(found))


def _of_all(parts: Sequence[tuple[str, Readiness]]) -> Readiness:
    """What is said of every way in which the data is split once, what of some with their names."""

    def said(key: Callable[[Readiness], Iterable[str]]) -> list[str]:
        of: dict[str, list[str]] = {}
        for name, found in parts:
            for text in key(found):
                of.setdefault(text, []).append(name)
        return [
            text if len(names) == len(parts) else f"split {', '.join(names)}: {text}"
            for text, names in of.items()
        ]

    lines = dict.fromkeys(found.lines for _, found in parts if found.lines)
    return Readiness(
        said(lambda found: found.problems),
        "\n".join(lines),
        "; ".join(said(lambda found: [found.checked])),
        said(lambda found: found.warnings),
    )


def _allowed(found: SplitInspection) -> list[str]:
    """The leaks of a given split that the configuration allows."""
    return [] if found.audit is None else found.audit.leaks


def _problems(found: SplitInspection, data: Data, split: Split, images: bool) -> Iterator[str]:
    yield from (problem.text for problem in found.problems)
    table = found.table
    folder = list(_folder(data.images)) if images and data.labels is not None else []
    yield from folder
    if table is None:
        return
    if images and not folder and data.image_column in table.frame:
        yield from _images(data, table.frame[data.image_column])
    if found.labels is None and too_few(len(table.frame), split):
        rows = len(table.frame)
        yield (
            f"{data.labelled_by}: {_asked(split)} are {rows_wanted(split)} rows, there are {rows}"
        )


def _folder(folder: Path) -> Iterator[str]:
    if not folder.exists():
        yield f"{folder}: no such folder (data.images), seen from {Path.cwd()}"
    elif not folder.is_dir():
        yield f"{folder}: not a folder; data.images must be the folder of the images"


def _images(data: Data, names: pd.Series) -> Iterator[str]:
    """Names of files that are not there, and files that are no images."""
    cells = list(dict.fromkeys(cell for cell in names if cell.strip()))
    try:
        places = find(data.images, cells, data.suffix)
    except DataError as error:
        yield str(error)
        return
    if places.missing:
        yield (
            f"{data.images}: {len(places.missing)} of the table's {len(cells)} images are not there: "
            f"{listed(list(places.missing))}. {places.advice}".strip()
        )
    if places.refused:
        yield (
            f"{data.images}: {len(places.refused)} of the table's {len(cells)} images cannot be used: "
            f"{listed([places.problem(name) for name in places.refused])}"
        )
    there = list(places.found.values())
    step = max(1, len(there) // HEADERS)
    looked_at = there[::step]
    bad = [why for place in looked_at if (why := _unreadable(data.images, place))]
    if bad:
        yield (
            f"{data.images}: {len(bad)} of {len(looked_at)} images that were opened cannot be used: "
            f"{listed(bad)}"
        )


def _unreadable(folder: Path, name: str) -> str:
    """Why an image's header cannot be read; empty where it can."""
    try:
        read_header(folder, name)
    except DataError as error:
        return str(error)
    return ""


def _asked(split: Split) -> str:
    return in_words({"train": split.train, "val": int(split.val), "test": split.test})


def _made(found: SplitInspection, split: Split) -> str:
    """The split in words, with the patients of each part where the data has them."""
    given = "" if split.given is None else f"as given by {split.given.words}, "
    if found.audit is None:
        return (given or _asked(split)).removesuffix(", ")
    parts = found.audit.splits
    made = given + in_words({name: part.rows for name, part in parts.items()})
    patients = [part.patients for part in parts.values() if part.patients is not None]
    if patients and not any(overlap.rows for overlap in found.audit.overlaps):
        made += (
            f" ({sum(patients):,} {group_word(found.audit.ids[0].column)}s, none in two of them)"
        )
    return made

"""A first configuration for images without one: guessed, commented, ready to run.

It asks nothing: `bakeoff init` prints what it saw and writes it into the file, for a person to correct.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bakeoff.config.experiment import Experiment
from bakeoff.data.draft_pictures import look_at
from bakeoff.data.draft_sources import Source, source_of
from bakeoff.data.draft_split import Drawn, split_of
from bakeoff.data.draft_text import configuration
from bakeoff.data.readiness import Readiness, examine
from bakeoff.task.classification import ClassificationTask
from bakeoff.task.label_spelling import truth
from bakeoff.task.labels import labels_in
from bakeoff.task.likely import FEW, Likely
from bakeoff.wording import few
from bakeoff.yaml_text import load_yaml

MOST_NAMED = 12


@dataclass(frozen=True)
class Draft:
    """A configuration as text, what was seen, by topic, and what a person has to decide."""

    text: str
    said: list[tuple[str, str]]
    doubts: list[str]


def draft(place: Path, images: Path | None, name: str, file: Path) -> Draft:
    """A configuration, to be written to `file`, for `place`: a table, or a folder of one or of class folders.

    `images` is the table's image folder, if it is known. Raises DataError where there is nothing to draft
    from, naming what was found.
    """
    source = source_of(place, images)
    likely, *others = source.guessed.tasks
    source = source.without(likely.task.left_out(source.frame, source.guessed.label or ""))
    sections: dict[str, Any] = likely.task.as_written
    sections["data"] = {**source.data, **sections.get("data", {})}
    split = split_of(source, sections)
    pictures = look_at(source.data["images"], source.places)
    counts = _counts(source, likely)
    closed = likely.task.closed_over(source.frame, source.guessed.label or "")
    text = configuration(name, file, source, likely, others, closed.metrics, split, pictures)
    said = [
        *source.said,
        ("pictures", f"{pictures.words}; trained at {pictures.side} pixels"),
        ("labels", _labels(source, counts)),
        ("asked", f"{likely.asks} ({likely.task.kind})"),
        ("patients", source.people.words),
        ("split", split.words),
    ]
    return Draft(text, said, list(_doubts(likely, others, closed, counts, split)))


def check(text: str, file: Path) -> Readiness:
    """Whether the data of a drafted configuration fits."""
    return examine(Experiment.parse(load_yaml(text), str(file)))


def name_for(place: Path) -> str:
    """A name for an experiment, from what it is made of."""
    at = place.absolute()
    stem = at.name.removesuffix(".gz").rpartition(".")[0] if at.is_file() else at.name
    if at.is_file() and stem in ("labels", "table", "data"):
        stem = at.parent.name
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", stem).strip("-_.") or "bake-off"


def _counts(source: Source, likely: Likely) -> Counter[str]:
    """How many images each label has, the most frequent first."""
    frame, label = source.frame, source.guessed.label
    if label is not None:
        return Counter(one for cell in frame[label] for one in labels_in(cell) if one)
    columns = [*likely.task.scored, *likely.few]
    return Counter({one: sum(truth(cell) is True for cell in frame[one]) for one in columns})


def _labels(source: Source, counts: Counter[str]) -> str:
    named = few([f"{count:,} {label}" for label, count in counts.most_common()], MOST_NAMED)
    if source.guessed.label is None:
        return f"columns of yes and no: {named}"
    return named if "labels" not in source.data else f"column '{source.guessed.label}': {named}"


def _doubts(
    likely: Likely,
    others: Sequence[Likely],
    closed: ClassificationTask,
    counts: Mapping[str, int],
    split: Drawn,
) -> Iterator[str]:
    noun = closed.label_noun
    if likely.doubt:
        yield likely.doubt
    if likely.few:
        yield f"left out, for there are few images of each: {_numbered(likely.few)}"
    if rare := {one: counts[one] for one in closed.strata_names if counts.get(one, FEW) < FEW}:
        yield f"few images to learn and test a {noun} by: {_numbered(rare)}"
    for other in others:
        yield f"or is it asked {other.asks} ({other.task.kind})? A comment has the line for that"
    for _, why in split.refused:
        first, _, _ = why.partition(". ")
        yield f"the split that came along is not used, but a drawn one: {first}"


def _numbered(counts: Mapping[str, int]) -> str:
    return few([f"{name} {count:,}" for name, count in counts.items()], MOST_NAMED)

"""The audit of the splits: patients, overlap, prevalence, and images that are the same."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import pandas as pd

from bakeoff.data.audit_sentences import (
    notes_of_colours,
    notes_of_ids,
    notes_of_near,
    warnings_of_colours,
    warnings_of_identical,
    warnings_of_ids,
    warnings_of_near,
    warnings_of_patients,
    warnings_of_prevalence,
)
from bakeoff.data.decoding import ImageFacts
from bakeoff.data.duplicates import near_sets
from bakeoff.data.leaks import leaks_of
from bakeoff.data.patients import identify
from bakeoff.data.tables import LabelledRows
from bakeoff.wording import listed

if TYPE_CHECKING:
    from bakeoff.config.schema import Data, Split


@dataclass(frozen=True)
class SplitSummary:
    """One split: rows, patients (None without such a column), rows of each class or finding by name."""

    rows: int
    patients: int | None
    counts: dict[str, int]


@dataclass(frozen=True)
class Overlap:
    """Patients in both of two splits; `rows` are those of the second, `share` their part of it."""

    first: str
    second: str
    patients: int
    rows: int
    share: float


@dataclass(frozen=True)
class DuplicateImage:
    """One of several images that are the same, pixel by pixel or to the eye."""

    image: str
    split: str
    label: str  # in words


@dataclass(frozen=True)
class ImageFormat:
    """How many images have this mode and size in their files."""

    mode: str
    width: int
    height: int
    images: int


@dataclass(frozen=True)
class ColumnIds:
    """How the ids of a column were read.

    `merged`: the ways in which each of some ids is written, all taken as one. `similar`: ids equal but for
    case, zeros, blanks or punctuation; `similar_ids` says whether they are one (None: not set, so they are
    taken as different). `rounded`: numbers whose last digits a spreadsheet has left out.
    """

    column: str
    similar_ids: str | None
    merged: list[list[str]]
    similar: list[list[str]]
    rounded: list[str]


@dataclass(frozen=True)
class Audit:
    """The content of audit.json.

    `identical`: sets of images equal in each pixel; `near`: sets that look the same, though their pixels
    differ; `coloured`: how many images have colours. `notes` are worth knowing, `warnings` worth doing
    something about; `leaks` are those warnings for which a given split is refused.
    """

    task: dict[str, Any]
    rows_available: int
    split: dict[str, Any]
    splits: dict[str, SplitSummary]
    overlaps: list[Overlap]
    ids: list[ColumnIds]
    identical: list[list[DuplicateImage]]
    near: list[list[DuplicateImage]]
    constant: list[str]
    kinds: list[ImageFormat]
    coloured: int
    notes: list[str]
    warnings: list[str]
    leaks: list[str]

    def as_json(self) -> dict[str, Any]:
        """Plain dicts, lists, numbers and strings."""
        return asdict(self)


def audit_splits(
    parts: Mapping[str, LabelledRows],
    images: Sequence[ImageFacts] | None,
    data: "Data",
    split: "Split",
    rows_available: int,
    of_table: Sequence[str] = (),
    notes: Sequence[str] = (),
    drawn_from: Mapping[str, str] | None = None,
) -> Audit:
    """Audit splits whose images, in the order of `parts` and their rows, have the facts `images`.

    Without them (None) labels and patients are audited. `of_table` and `notes` are warnings and notes
    that were found before there was a split. `drawn_from` has the parts of a given split that
    we have cut from another one, which then do not leak into each other.
    """
    frames = {name: part.frame for name, part in parts.items()}
    task = next(iter(parts.values())).task
    rows = pd.concat(frames.values())
    columns = dict.fromkeys(filter(None, [data.patient_column, split.group_by]))
    identities = {
        column: identify(rows[column].astype("str"), data.similar_ids)
        for column in columns
        if column in rows
    }
    patients = None
    if data.patient_column is not None:
        who = identities[data.patient_column]
        patients = {name: who.names(part[data.patient_column]) for name, part in frames.items()}
    described = {
        name: _describe(part, None if patients is None else patients[name])
        for name, part in parts.items()
    }
    overlaps = [] if patients is None else _overlaps(patients)
    entries = [] if images is None else _labelled_images(parts, images, data.image_column)
    images = images or ()
    identical, near = _identical(entries, images), _near(entries, images)
    leaks = (
        []
        if split.given is None
        else leaks_of(overlaps, identical, described, data.patient_column, drawn_from or {})
    )
    constant = [image.name for image in images if image.constant]
    kinds = Counter((image.mode, image.width, image.height) for image in images)
    ids = [
        ColumnIds(column, data.similar_ids, found.merged, found.similar, found.rounded)
        for column, found in identities.items()
    ]
    return Audit(
        task=task.as_json(),
        rows_available=rows_available,
        split=split.model_dump(),
        splits=described,
        overlaps=overlaps,
        ids=ids,
        identical=identical,
        near=near,
        constant=constant,
        kinds=[ImageFormat(*kind, images=count) for kind, count in kinds.most_common()],
        coloured=sum(image.colours for image in images),
        notes=[*notes, *notes_of_ids(ids), *notes_of_near(near), *notes_of_colours(images)],
        warnings=[
            *of_table,
            *warnings_of_patients(overlaps, described, data.patient_column),
            *warnings_of_ids(ids),
            *warnings_of_identical(identical),
            *warnings_of_near(near),
            *warnings_of_prevalence(described),
            *warnings_of_colours(images),
            *([f"every pixel is the same in {listed(constant)}"] if constant else []),
        ],
        leaks=leaks,
    )


def _describe(part: LabelledRows, patients: pd.Series | None) -> SplitSummary:
    count = None if patients is None else int(patients.nunique())
    return SplitSummary(len(part.labels), count, part.task.counts(part.labels))


def _overlaps(patients: Mapping[str, pd.Series]) -> list[Overlap]:
    overlaps = []
    for first, second in combinations(patients, 2):
        theirs = patients[second]
        shared = theirs[theirs.isin(patients[first])]
        share = len(shared) / len(theirs)
        overlaps.append(Overlap(first, second, shared.nunique(), len(shared), share))
    return overlaps


def _labelled_images(
    parts: Mapping[str, LabelledRows], images: Sequence[ImageFacts], image_column: str
) -> list[DuplicateImage]:
    """Each image with its split and label, in the order of `images`."""
    rows = (
        DuplicateImage(image, name, label)
        for name, part in parts.items()
        for image, label in zip(
            part.frame[image_column], part.task.in_words(part.labels), strict=True
        )
    )
    return [entry for entry, _ in zip(rows, images, strict=True)]


def _identical(
    entries: Sequence[DuplicateImage], images: Sequence[ImageFacts]
) -> list[list[DuplicateImage]]:
    by_digest: dict[str, list[DuplicateImage]] = defaultdict(list)
    for entry, image in zip(entries, images, strict=True):
        by_digest[image.digest].append(entry)
    return [equal for equal in by_digest.values() if len(equal) > 1]


def _near(
    entries: Sequence[DuplicateImage], images: Sequence[ImageFacts]
) -> list[list[DuplicateImage]]:
    """Sets of images that look the same and are not all pixel-identical; constant images are left out."""
    members: dict[str, list[DuplicateImage]] = defaultdict(list)
    hashes: dict[str, bytes] = {}
    for entry, image in zip(entries, images, strict=True):
        if not image.constant:
            members[image.digest].append(entry)
            hashes[image.digest] = image.perceptual_hash
    digests = list(hashes)
    sets = near_sets(list(hashes.values()))
    return [[entry for at in positions for entry in members[digests[at]]] for positions in sets]

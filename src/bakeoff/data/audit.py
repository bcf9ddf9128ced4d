"""What a reader has to know of the splits: patients, overlap, prevalence, and images that are the same."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import pandas as pd

from bakeoff.data.decoding import ImageFacts
from bakeoff.data.listing import SHOWN, listed
from bakeoff.data.patients import canonical_names
from bakeoff.data.tables import DISEASE

if TYPE_CHECKING:
    from bakeoff.config.schema import Data, Split

DRIFT = 0.05
"""Prevalence of two splits that differs by more than this (and by more than one row) is worth a warning."""


@dataclass(frozen=True)
class Part:
    """One split: rows, rows with disease and their share, and patients (None without such a column)."""

    rows: int
    disease: int
    prevalence: float
    patients: int | None


@dataclass(frozen=True)
class Overlap:
    """Patients in both of two splits; `rows` are those of the second, `share` their part of it."""

    first: str
    second: str
    patients: int
    rows: int
    share: float


@dataclass(frozen=True)
class Twin:
    """One of several pixel-identical images."""

    image: str
    split: str
    disease: int


@dataclass(frozen=True)
class Kind:
    """How many images have this mode and size in their files."""

    mode: str
    width: int
    height: int
    images: int


@dataclass(frozen=True)
class Audit:
    """The content of audit.json."""

    rows_available: int
    split: dict[str, Any]
    splits: dict[str, Part]
    overlaps: list[Overlap]
    identical: list[list[Twin]]
    constant: list[str]
    kinds: list[Kind]
    warnings: list[str]

    def as_json(self) -> dict[str, Any]:
        """Plain dicts, lists, numbers and strings."""
        return asdict(self)


def audit_splits(
    parts: Mapping[str, pd.DataFrame],
    images: Sequence[ImageFacts],
    data: "Data",
    split: "Split",
    rows_available: int,
) -> Audit:
    """Audit splits whose images, in the order of `parts` and their rows, have the facts `images`."""
    described = {name: _describe(part, data.patient_column) for name, part in parts.items()}
    overlaps = _overlaps(parts, data.patient_column)
    identical = _identical(parts, images, data.image_column)
    constant = [image.name for image in images if image.constant]
    kinds = Counter((image.mode, image.width, image.height) for image in images)
    return Audit(
        rows_available=rows_available,
        split=split.model_dump(),
        splits=described,
        overlaps=overlaps,
        identical=identical,
        constant=constant,
        kinds=[Kind(*kind, images=count) for kind, count in kinds.most_common()],
        warnings=[
            *_of_patients(overlaps, described, data.patient_column),
            *_of_twins(identical),
            *_of_prevalence(described),
            *([f"every pixel is the same in {listed(constant)}"] if constant else []),
        ],
    )


def _describe(part: pd.DataFrame, patient_column: str | None) -> Part:
    disease = int(part[DISEASE].sum())
    patients = (
        None if patient_column is None else int(canonical_names(part[patient_column]).nunique())
    )
    return Part(len(part), disease, disease / len(part), patients)


def _overlaps(parts: Mapping[str, pd.DataFrame], patient_column: str | None) -> list[Overlap]:
    if patient_column is None:
        return []
    overlaps = []
    for first, second in combinations(parts, 2):
        theirs = canonical_names(parts[second][patient_column])
        shared = theirs[theirs.isin(canonical_names(parts[first][patient_column]))]
        share = len(shared) / len(theirs)
        overlaps.append(Overlap(first, second, shared.nunique(), len(shared), share))
    return overlaps


def _identical(
    parts: Mapping[str, pd.DataFrame], images: Sequence[ImageFacts], image_column: str
) -> list[list[Twin]]:
    by_digest: dict[str, list[Twin]] = defaultdict(list)
    facts = iter(images)
    for name, part in parts.items():
        for image, disease in zip(part[image_column], part[DISEASE], strict=True):
            by_digest[next(facts).digest].append(Twin(image, name, int(disease)))
    return [twins for twins in by_digest.values() if len(twins) > 1]


def _of_patients(
    overlaps: Sequence[Overlap], parts: Mapping[str, Part], patient_column: str | None
) -> list[str]:
    if patient_column is None:
        return ["no patient column: whether a patient is in two splits cannot be known"]
    return [
        f"{overlap.rows} of {parts[overlap.second].rows} {overlap.second} rows ({overlap.share:.0%}) are of "
        f"{overlap.patients} patients who are also in {overlap.first}"
        for overlap in overlaps
        if overlap.rows
    ]


def _of_twins(identical: Sequence[Sequence[Twin]]) -> list[str]:
    # Twins in different splits come first: they leak, the others only repeat.
    across = sorted(identical, key=lambda twins: len({twin.split for twin in twins}) == 1)
    sentences = []
    for twins in across[:SHOWN]:
        named = [f"{twin.image} ({twin.split})" for twin in twins[:SHOWN]]
        more = [f"{len(twins) - SHOWN} more"] if len(twins) > SHOWN else []
        *others, last = named + more
        differ = ", but labelled differently" if len({twin.disease for twin in twins}) > 1 else ""
        sentences.append(f"{', '.join(others)} and {last} are pixel-identical{differ}")
    if len(across) > SHOWN:
        sentences.append(f"{len(across) - SHOWN} more sets of images are pixel-identical")
    return sentences


def _of_prevalence(parts: Mapping[str, Part]) -> list[str]:
    return [
        f"disease is in {one.prevalence:.1%} of {first} but {other.prevalence:.1%} of {second}"
        for (first, one), (second, other) in combinations(parts.items(), 2)
        if abs(one.prevalence - other.prevalence) > max(DRIFT, 1 / min(one.rows, other.rows)) + 1e-9
    ]

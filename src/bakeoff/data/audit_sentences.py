"""The findings of the audit as sentences: warnings that somebody should act on, and notes worth knowing."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING

from bakeoff.data.grouping import equations, group_word
from bakeoff.wording import SHOWN, listed

if TYPE_CHECKING:
    from bakeoff.data.audit import ColumnIds, DuplicateImage, Overlap, SplitSummary
    from bakeoff.data.decoding import ImageFacts

DRIFT = 0.05
"""Prevalence of two splits that differs by more than this (and by more than one row) is worth a warning."""

SAME = "are pixel-identical"
LIKE = "look the same (encoded again, resized, or a little brighter)"


def warnings_of_patients(
    overlaps: Sequence["Overlap"], parts: Mapping[str, "SplitSummary"], patient_column: str | None
) -> list[str]:
    """Patients, or what else the column names, that are in two splits."""
    if patient_column is None:
        return [
            "no column says which images are of the same patient or object (data.patient_column: null): "
            "whether one is in two splits cannot be known"
        ]
    return [
        f"{overlap.rows} of {parts[overlap.second].rows} {overlap.second} rows ({overlap.share:.0%}) are of "
        f"{overlap.patients} {group_word(patient_column)}s that are also in {overlap.first}"
        for overlap in overlaps
        if overlap.rows
    ]


def warnings_of_ids(ids: Sequence["ColumnIds"]) -> list[str]:
    """Similar ids while data.similar_ids is not set, and ids that lost their last digits."""
    sentences = [
        f"column '{one.column}': {len(one.similar)} sets of ids are equal but for case, zeros, blanks or "
        f"punctuation, and were taken as different: {equations(one.similar)}. Say which they are: "
        "data.similar_ids: merge or distinct"
        for one in ids
        if one.similar and one.similar_ids is None
    ]
    sentences += [
        f"column '{one.column}': a spreadsheet has rounded {len(one.rounded)} ids, so that different "
        f"people may have one id: {listed(one.rounded)}. Export the column as text"
        for one in ids
        if one.rounded
    ]
    return sentences


def notes_of_ids(ids: Sequence["ColumnIds"]) -> list[str]:
    """Ids that were read as one, and similar ones that data.similar_ids keeps apart."""
    notes = [
        f"Column '{one.column}': {len(one.merged)} ids are written in several ways, each taken as one: "
        f"{equations(one.merged)}."
        for one in ids
        if one.merged
    ]
    notes += [
        f"Column '{one.column}': {len(one.similar)} sets of similar ids are different ones, by "
        f"data.similar_ids: {equations(one.similar)}."
        for one in ids
        if one.similar and one.similar_ids == "distinct"
    ]
    return notes


def warnings_of_identical(identical: Sequence[Sequence["DuplicateImage"]]) -> list[str]:
    """Every set of pixel-identical images; those in different splits, which leak, come first."""
    return _duplicate_sentences(
        sorted(identical, key=lambda duplicates: not _straddles(duplicates)), SAME
    )


def warnings_of_near(near: Sequence[Sequence["DuplicateImage"]]) -> list[str]:
    """Sets of near-identical images that are in several splits, or within one and labelled differently.

    The latter share one sentence: frames of a film may be many, and rightly have different labels.
    """
    sentences = _duplicate_sentences(
        [duplicates for duplicates in near if _straddles(duplicates)], LIKE
    )
    odd = [
        " = ".join(f"{image.image} ({image.label})" for image in duplicates[:SHOWN])
        for duplicates in near
        if not _straddles(duplicates) and _differ(duplicates)
    ]
    if odd:
        sentences.append(
            f"{len(odd)} sets of images within one split {LIKE}, but are labelled differently: "
            f"{listed(odd)}. Where they are the same, a label is wrong"
        )
    return sentences


def notes_of_near(near: Sequence[Sequence["DuplicateImage"]]) -> list[str]:
    """How many sets of near-identical images of one label are within one split: they do not leak."""
    within = [
        duplicates for duplicates in near if not _straddles(duplicates) and not _differ(duplicates)
    ]
    if not within:
        return []
    named = [" = ".join(one.image for one in duplicates[:SHOWN]) for duplicates in within]
    return [f"{len(within)} sets of images within one split {LIKE}: {listed(named)}."]


def warnings_of_prevalence(parts: Mapping[str, "SplitSummary"]) -> list[str]:
    """Two splits whose shares of a class or finding differ by more than chance in one row."""
    sentences = []
    for (first, one), (second, other) in combinations(parts.items(), 2):
        slack = max(DRIFT, 1 / min(one.rows, other.rows)) + 1e-9
        for name in one.counts:
            here, there = one.counts[name] / one.rows, other.counts[name] / other.rows
            if abs(here - there) > slack:
                sentences.append(
                    f"the share of {name} is {here:.1%} in {first} but {there:.1%} in {second}"
                )
    return sentences


def notes_of_colours(images: Sequence["ImageFacts"]) -> list[str]:
    """That all images have colours, which a configuration may keep or not."""
    if not images or not all(image.colours for image in images):
        return []
    return [
        f"All {len(images)} images have colours: image.channels: 3 keeps them, 1 makes them grey."
    ]


def warnings_of_colours(images: Sequence["ImageFacts"]) -> list[str]:
    """Images with colours among grey ones, or grey ones among those with colours: the fewer are named."""
    coloured = [image.name for image in images if image.colours]
    grey = [image.name for image in images if not image.colours]
    if not coloured or not grey:
        return []
    fewer, others = (
        ("are grey", "have colours") if len(grey) < len(coloured) else ("have colours", "are grey")
    )
    named = min(grey, coloured, key=len)
    return [
        f"{len(named)} of {len(images)} images {fewer}, the others {others}: {listed(named)}. With "
        "image.channels: 3 a model can tell them by that, whatever they show; 1 makes all of them grey"
    ]


def _straddles(duplicates: Sequence["DuplicateImage"]) -> bool:
    return len({image.split for image in duplicates}) > 1


def _differ(duplicates: Sequence["DuplicateImage"]) -> bool:
    return len({image.label for image in duplicates}) > 1


def _duplicate_sentences(sets: Sequence[Sequence["DuplicateImage"]], what: str) -> list[str]:
    sentences = []
    for duplicates in sets[:SHOWN]:
        named = [f"{image.image} ({image.split})" for image in duplicates[:SHOWN]]
        more = [f"{len(duplicates) - SHOWN} more"] if len(duplicates) > SHOWN else []
        *others, last = named + more
        differ = ", but labelled differently" if _differ(duplicates) else ""
        sentences.append(f"{', '.join(others)} and {last} {what}{differ}")
    if len(sets) > SHOWN:
        sentences.append(f"{len(sets) - SHOWN} more sets of images {what}")
    return sentences

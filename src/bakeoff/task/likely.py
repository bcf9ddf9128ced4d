"""The tasks that the labels of a table or of class folders are likely of, the likeliest first.

They are only proposed, in lines to write (`bakeoff plan`) or in a commented file (`bakeoff init`).
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from bakeoff.task.binary import BinaryTask
from bakeoff.task.classification import ClassificationTask
from bakeoff.task.label_spelling import truth
from bakeoff.task.labels import SEPARATOR, labels_in
from bakeoff.task.multiclass import MulticlassTask
from bakeoff.task.multilabel import NONE, MultilabelTask

NOTHING = ("0", "no finding", "normal", "negative", "neg", "no", "none", "healthy", "benign", "absent",
           "control", "false", "n", "ok", "good", "intact", "clean")  # fmt: skip
"""Words for an image on which there is nothing."""

FEW = 10
"""Images of a finding from which it is proposed to be learned, where other findings have as many."""

SPLITS = 3


class Likely(NamedTuple):
    """A task, what it asks, and what is guessed of class 0; `few` are the labels that it leaves out."""

    task: ClassificationTask
    asks: str
    doubt: str = ""  # empty where it is sure
    few: Mapping[str, int] = {}  # how many images each has


def likely_tasks(cells: Sequence[str]) -> list[Likely]:
    """The tasks that a column of labels, or class folders, may be of; none where every label is the same.

    Labels joined by `|` are findings. With a word for nothing beside them the first task is binary: that is
    the question of the lab that the default of `data` is from. Two labels are binary where one is such a
    word; other labels are classes.
    """
    counts = Counter(label for cell in cells for label in labels_in(cell) if label)
    if len(counts) < 2:
        return []
    nothing = tuple(sorted(label for label in counts if means_nothing(label)))
    found = tuple(sorted(label for label in counts if label not in nothing))
    sure = bool(nothing) and bool(found)
    two = _of_two(nothing, found)
    either = Likely(BinaryTask(nothing, found), two)
    rare = {label: count for label, count in counts.items() if count < SPLITS}
    if len(counts) - len(rare) < 2:
        rare = {}  # whoever splits says what is missing
    which = f"which of {len(counts) - len(rare)} classes an image is of"
    classes = Likely(MulticlassTask(ignore=tuple(sorted(rare))), which, few=rare)
    if any(SEPARATOR in cell for cell in cells):
        each = _findings({label: counts[label] for label in found}, nothing, joined=True)
        lab = either._replace(asks=f"{two}, as the course lab asks of chest X-rays")
        return [lab, each] if sure else [each]
    if len(counts) == 2:
        if sure:
            return [either]
        (often, _), (seldom, _) = counts.most_common(2)
        doubt = "the most frequent one: correct it if it is not"
        guessed = Likely(BinaryTask((often,), (seldom,)), _of_two((often,), (seldom,)), doubt)
        return [classes, guessed]
    return [classes, either] if sure else [classes]


def likely_findings(columns: Mapping[str, Sequence[str]]) -> Likely:
    """The task of several columns that say yes or no, each of one finding.

    Where every image has exactly one of them they may be classes, which a column of their names would say.
    """
    there = {name: [truth(cell) is True for cell in cells] for name, cells in columns.items()}
    likely = _findings({name: sum(cells) for name, cells in there.items()}, (), joined=False)
    if any(sum(row) != 1 for row in zip(*there.values(), strict=True)):
        return likely
    doubt = "or are they classes? Every image has exactly one of them: give the table a column of their names"
    return likely._replace(doubt=doubt)


def means_nothing(label: str) -> bool:
    """Whether a label is a word for nothing, in any case and punctuation."""
    plain = re.sub(r"[\W_]+", " ", label).strip().casefold()
    return plain in NOTHING or truth(label) is False


def says_yes_or_no(cells: Sequence[str]) -> bool:
    """Whether cells say yes and no, and nothing else."""
    return {truth(cell) for cell in set(cells)} == {True, False}


def _findings(counts: Mapping[str, int], nothing: tuple[str, ...], joined: bool) -> Likely:
    """Findings that enough images have; a column names the others, too, which `ignore` then has to do."""
    least = FEW if sum(count >= FEW for count in counts.values()) > 1 else SPLITS
    few = {name: count for name, count in counts.items() if count < least}
    findings = tuple(name for name in counts if name not in few)
    task = MultilabelTask(findings, nothing or NONE, tuple(few) if joined else ())
    return Likely(task, f"which of {len(findings)} findings an image has", few=few)


def _of_two(nothing: tuple[str, ...], found: tuple[str, ...]) -> str:
    def side(labels: tuple[str, ...]) -> str:
        return labels[0] if len(labels) == 1 else f"any of {len(labels)} labels"

    return f"which of two an image is, {side(nothing)} (class 0) or {side(found)} (class 1)"

"""The labels in a cell of a table, joined by `|` as in ChestX-ray14, and the class that they mean."""

from collections import defaultdict
from collections.abc import Sequence

from bakeoff.errors import DataError
from bakeoff.spelling import did_you_mean
from bakeoff.task.label_spelling import Spellings
from bakeoff.wording import listed, plural

SEPARATOR = "|"


def labels_in(cell: str) -> list[str]:
    """The labels that a cell joins, without blanks around them."""
    return [label.strip() for label in cell.split(SEPARATOR)]


def binary_classes(
    cells: Sequence[str],
    where: Sequence[str],
    negative: Sequence[str],
    positive: Sequence[str],
    source: str,
) -> list[int]:
    """1 where any label of a cell is in `positive`, 0 where all are in `negative`.

    `where[i]` names cell i, `source` the file and column, in the error. Raises one DataError for all
    cells with no label, with an unknown one, or with a positive one beside a negative one.
    """
    classes: list[int] = []
    missing: list[str] = []
    mixed: list[str] = []
    unknown: dict[str, list[str]] = defaultdict(list)
    spellings = Spellings([*negative, *positive])
    for cell, place in zip(cells, where, strict=True):
        labels = [spellings.label(label) for label in labels_in(cell)]
        is_positive = any(label in positive for label in labels)
        is_negative = any(label in negative for label in labels)
        if not all(labels):
            missing.append(place)
        elif is_positive and is_negative:
            mixed.append(f"{place} ({cell})")
        elif not is_positive:
            for label in set(labels).difference(negative):
                unknown[label].append(place)
        classes.append(int(is_positive))
    _refuse(missing, mixed, unknown, [*negative, *positive], source)
    return classes


def _refuse(
    missing: list[str],
    mixed: list[str],
    unknown: dict[str, list[str]],
    known: list[str],
    source: str,
) -> None:
    problems = []
    if missing:
        problems.append(f"{plural(len(missing), 'row')} without a label: {listed(missing)}")
    if mixed:
        problems.append(
            f"{plural(len(mixed), 'row')} with and without a finding at once: {listed(mixed)}"
        )
    for label, places in list(unknown.items())[:20]:
        hint = did_you_mean(label, known)
        problems.append(
            f"unknown label '{label}' in {plural(len(places), 'row')}: {listed(places)}. {hint}"
        )
    if len(unknown) > 20:
        problems.append(f"and {len(unknown) - 20} more unknown labels")
    if problems:
        raise DataError(
            "\n".join(f"{source}: {problem.strip()}" for problem in problems)
            + f"\nKnown labels: {', '.join(known)}. Correct the file, or set data.negative and "
            "data.positive to the labels that it uses."
        )

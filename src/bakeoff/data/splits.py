"""The rows of each split, in exactly the configured sizes or as they are given, written with their audit."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from bakeoff.data.audit import Audit, audit_splits
from bakeoff.data.csv_table import Table
from bakeoff.data.decoding import ImageFacts, examine_images
from bakeoff.data.drawing import SPLITS, Rows, split_rows
from bakeoff.data.feasibility import more_of
from bakeoff.data.given import given_rows
from bakeoff.data.grouping import group_names, inspect_groups, useless_grouping_warning
from bakeoff.data.leaks import require_no_leaks
from bakeoff.data.parallel import Progress
from bakeoff.data.split_names import split_column, unused_split_warning
from bakeoff.data.tables import LabelledRows, Problem, inspect_labels, missing_column
from bakeoff.errors import BakeoffError, DataError, SplitError
from bakeoff.files import replacing, write_json
from bakeoff.task.classification import ClassificationTask

if TYPE_CHECKING:
    from bakeoff.config.schema import Data, Split


class SplitInspection(NamedTuple):
    """The rows of each split, or every problem that prevents a split; images are not opened for it.

    `table` is None where the file is no table, `labels` where it has no valid labels, `rows` and `audit`
    where there are `problems`. `audit` is of the labels alone; it repeats `warnings` and `notes`, which
    are about the table.
    """

    table: Table | None
    labels: LabelledRows | None
    problems: list[Problem]
    warnings: list[str]
    notes: list[str]
    error: BakeoffError | None = None  # all problems as the split stage raises them
    rows: Rows | None = None
    val_is_cut: bool = False  # from the training rows of a given split
    audit: Audit | None = None


def write_splits(
    data: "Data",
    split: "Split",
    folder: Path,
    workers: int | None = None,
    progress: Progress | None = None,
    *,
    asked: Callable[[ClassificationTask], None] = lambda _: None,
) -> Audit:
    """Choose rows, check and digest their images, write train.csv, val.csv, test.csv and audit.json.

    Nothing is written unless everything can be. Raises DataError for the table or images, SplitError for
    sizes that cannot be had, and for a given split that has a patient or an image twice; and whatever
    `asked` raises for the task, whose classes are known now.
    """
    inspected = inspect_split(data, split)
    if inspected.error is not None:
        raise inspected.error
    table, rows = inspected.labels, inspected.rows
    assert table is not None and rows is not None
    asked(table.task)
    parts = _parts(table, rows)
    names = [image for part in parts.values() for image in part.frame[data.image_column]]
    facts = examine_images(data.images, names, workers, progress, data.suffix)
    audit = _audit(inspected, table, rows, facts, data, split)
    require_no_leaks(audit, data, split)
    with ExitStack() as stack:  # all four are written before the first takes its place
        write_json(stack.enter_context(replacing(folder / "audit.json")), audit.as_json())
        for name, part in parts.items():
            path = stack.enter_context(replacing(folder / f"{name}.csv"))
            part.frame.to_csv(path, index=False, lineterminator="\n")
    return audit


def inspect_split(data: "Data", split: "Split") -> SplitInspection:
    """Read the table and choose the rows, or list all problems at once; raises nothing.

    After `inspect_labels` it checks groups, patients' ids, a split of the table's own, the sizes, and the
    patients of a given split. `write_splits`, `bakeoff plan` and `bakeoff doctor` build on it.
    """
    table, labels, found, of_table, remarks = inspect_labels(data)
    problems, notes, warnings = list(found), list(of_table), list(remarks)
    if table is not None:
        problems += inspect_groups(table, data, split)
        if split.given is None:
            own = split_column(table.frame)
            if own is not None:
                warnings.append(unused_split_warning(own, table.frame, data))
        elif split.given.column is not None:
            column = split.given.column
            problems += missing_column(table.frame, column, data.labelled_by, "split.given")
    inspected = SplitInspection(table, labels, problems, warnings, notes)
    if labels is None or table is None or problems:
        error = DataError("\n".join(problem.text for problem in problems))
        return inspected._replace(error=error)
    names = group_names(labels.frame, data, split)
    if warning := useless_grouping_warning(names, split):
        warnings.append(warning)
    try:
        if split.given is None:
            rows = split_rows(labels, split, names, more_of(data))
        else:
            rows, cut, told = given_rows(labels, table.lines, data, split, names)
            notes += told
            inspected = inspected._replace(val_is_cut=cut)
        audit = _audit(inspected, labels, rows, None, data, split)
        require_no_leaks(audit, data, split)
    except (DataError, SplitError) as refused:
        key = "split" if split.given is None else "split.given"
        at_path = str(refused).startswith((str(data.labelled_by), str(data.images)))
        text = str(refused) if at_path else f"{data.labelled_by}: {refused}"
        return inspected._replace(problems=[Problem(key, text)], error=type(refused)(text))
    return inspected._replace(rows=rows, audit=audit)


def _parts(table: LabelledRows, rows: Rows) -> dict[str, LabelledRows]:
    return {name: table.at(at) for name, at in zip(SPLITS, rows, strict=True)}


def _audit(
    inspected: SplitInspection,
    table: LabelledRows,
    rows: Rows,
    facts: Sequence[ImageFacts] | None,
    data: "Data",
    split: "Split",
) -> Audit:
    parts = _parts(table, rows)
    sizes: dict[str, int] = {name: len(part.labels) for name, part in parts.items()}
    made = split.model_copy(update=sizes)  # a given split has its sizes from the table alone
    drawn_from = {"val": "train"} if inspected.val_is_cut else {}
    told = (inspected.warnings, inspected.notes, drawn_from)
    return audit_splits(parts, facts, data, made, len(table.labels), *told)

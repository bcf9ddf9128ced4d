"""Label tables: any CSV with an image and a label column, and everything that can be wrong with one."""

import posixpath
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bakeoff.data.class_folders import SPLIT, ClassFolders, read_class_folders
from bakeoff.data.csv_table import Table, read_text, require_column
from bakeoff.data.header_patients import with_header_patients
from bakeoff.data.patient_names import with_patients
from bakeoff.data.patients import is_missing_id
from bakeoff.data.table_files import read_unstripped, stripped
from bakeoff.errors import DataError
from bakeoff.task.classification import ClassificationTask, Labels
from bakeoff.wording import listed, plural

if TYPE_CHECKING:
    from bakeoff.config.schema import Data

AS_LABELLED = "{} as labelled"
"""The new name of a label column that is called as a split's own column, beside that."""


_WITHOUT_PATIENTS = "For a table without patients: data.patient_column: null, split.group_by: null."
_BY_NAMES = (
    "Class folders have no table: data.patient_pattern takes patients from the names of the files."
)


class Problem(NamedTuple):
    """A problem of a table: the configuration's key that may solve it ("" for none), and a sentence."""

    key: str
    text: str


class Inspection(NamedTuple):
    """A label table and its problems; with any, `rows` is None. Notes and warnings are in words."""

    table: Table | None  # None where the file is no table at all
    rows: "LabelledRows | None"
    problems: list[Problem]
    notes: Sequence[str] = ()
    warnings: Sequence[str] = ()


class LabelledRows(NamedTuple):
    """Rows of a table with what they mean: `frame` ends with the label columns of the (closed) `task`."""

    frame: pd.DataFrame
    labels: Labels
    task: ClassificationTask

    def at(self, rows: NDArray[np.int64]) -> "LabelledRows":
        """The rows at these positions."""
        return LabelledRows(self.frame.iloc[rows], self.labels[rows], self.task)


def read_labels(data: "Data") -> LabelledRows:
    """The labelled images of a table or class folders: own columns as text, then the task's label columns.

    A label column that is called as one of these is kept as `<name> as labelled`.

    Reads both layouts of ChestX-ray14 (Kaggle's sample; the full Data_Entry table, gzipped or not) and
    any other CSV with an image and a label column. Raises one DataError for all that `inspect_labels`
    finds.
    """
    inspection = inspect_labels(data)
    if inspection.rows is None:
        raise DataError("\n".join(problem.text for problem in inspection.problems))
    return inspection.rows


def inspect_labels(data: "Data") -> Inspection:
    """The label table and all its problems at once; decodes no image and raises nothing.

    Looks for missing columns, too few rows, a missing or repeated image name, a missing patient, and a
    label that is missing, unknown or contradicts another one of its row. `read_labels`, `bakeoff plan`
    and `bakeoff doctor` build on it; `data.splits.inspect_split` goes on with how it can be split.
    """
    path = data.labelled_by
    problems: list[Problem] = []
    notes, warnings = list[str](), list[str]()
    try:
        if data.labels is None:
            table, (_, notes, warnings) = _of_folders(data)
        else:
            table = _read(data, data.labels)
    except DataError as error:
        key = "data.images" if data.labels is None else "data.labels"
        return Inspection(None, None, [Problem(key, str(error))])
    if data.rows is not None and data.rows > len(table.frame):
        problem = f"data.rows asks for the first {data.rows} rows, there are {len(table.frame)}"
        problems.append(Problem("data.rows", f"{path}: {problem}"))
    try:
        table, left_out = _without_left_out(table, data)
        notes += left_out
    except DataError as error:
        return Inspection(table, None, [*problems, Problem("task.ignore", str(error))])
    asked = {"data.image_column": data.image_column}
    if not data.written_task.is_labelled(table.frame, data.label_column):
        asked["data.label_column"] = data.label_column
    hints = {"data.label_column": data.written_task.columns_hint(table.frame)}
    if data.patient_column is not None:
        key = "data.patient_column" if data.patient_pattern is None else "data.patient_pattern"
        try:
            if data.patient_pattern is None:
                table = with_header_patients(table, data)
                asked[key] = data.patient_column
                hints[key] = _WITHOUT_PATIENTS if data.labels is not None else _BY_NAMES
            else:
                table = with_patients(table, data, data.patient_pattern)
        except DataError as error:
            problems.append(Problem(key, str(error)))
    frame, lines = table
    for key, column in asked.items():
        problems += missing_column(frame, column, path, key, hints.get(key, ""))
    if data.image_column in frame:
        names = frame[data.image_column]
        problems += _as_problems(
            "data.image_column", _require_values, names, names.str.strip() == "", lines, path
        )
    if data.patient_column in frame:
        patients = frame[data.patient_column]
        missing = patients.map(is_missing_id)
        problems += _as_problems(
            "data.patient_column", _require_values, patients, missing, lines, path
        )
    if data.image_column in frame:
        images = frame[data.image_column]
        problems += _as_problems("data.image_column", _require_unique, images, lines, path)
    if "data.label_column" in asked:
        return Inspection(table, None, problems, notes, warnings)
    try:
        rows = _with_labels(table, data)
    except DataError as error:
        problems.append(Problem("data.label_column", str(error)))
    return Inspection(table, None if problems else rows, problems, notes, warnings)


def place_of(data: "Data", table: Table, row: int) -> str:
    """Where a row is, for errors: its line, or its path where there is no table."""
    if data.labels is None:
        return str(table.frame[data.image_column].iloc[row])
    return f"line {table.lines[row]}"


def _read(data: "Data", path: Path) -> Table:
    """The label table without blanks around cells, but for names of images that files have, too."""
    table = read_unstripped(path, data.rows, data.separator, data.encoding)
    columns = [data.image_column, data.label_column, data.patient_column]
    frame, lines = stripped(table, path, [column for column in columns if column])
    if data.image_column in frame:
        at = frame.columns.tolist().index(data.image_column)
        cells = zip(table.frame[table.frame.columns[at]], frame[data.image_column], strict=True)
        frame[data.image_column] = [
            cell if cell != name and name and _is_file(data.images, cell) else name
            for cell, name in cells
        ]
    return Table(frame, lines)


def _of_folders(data: "Data") -> tuple[Table, ClassFolders]:
    """The images of class folders as a table: path, class, and the folder of the split where there is one."""
    found = read_class_folders(data.images, data.written_task.vocabulary)
    paths, labels, splits = zip(*found.images, strict=True)
    columns = {data.image_column: paths, data.label_column: labels}
    if any(splits):
        columns[SPLIT] = splits
    frame = pd.DataFrame(columns, dtype="str")
    return Table(frame, list(range(1, len(frame) + 1))), found


def _without_left_out(table: Table, data: "Data") -> tuple[Table, list[str]]:
    """The table without the rows that the task leaves out, and a note on them where there are any."""
    rest = data.written_task.left_out(table.frame, data.label_column)
    if not rest.any():
        return table, []
    counts = table.frame[data.label_column][rest].str.strip().value_counts()
    if rest.all():
        raise DataError(
            f"{data.labelled_by}: every one of the {len(rest)} rows is left out by task.ignore: "
            f"{', '.join(sorted(counts.index))}"
        )
    named = ", ".join(f"{label} {count}" for label, count in counts.items())
    note = f"Rows that are left out by task.ignore: {named}."
    kept = [line for line, out in zip(table.lines, rest, strict=True) if not out]
    return Table(table.frame[~rest].reset_index(drop=True), kept), [note]


def _is_file(folder: Path, name: str) -> bool:
    try:
        return (folder / name).exists()
    except (OSError, ValueError):  # an over-long name, a NUL
        return False


def _as_problems(key: str, require: Callable[..., None], *arguments: object) -> list[Problem]:
    """What `require` raises for its arguments, as a problem."""
    try:
        require(*arguments)
    except DataError as error:
        return [Problem(key, str(error))]
    return []


def _with_labels(table: Table, data: "Data") -> LabelledRows:
    """The table with the label columns of its task as its last."""
    path = data.labelled_by
    frame, lines = table
    known_images = frame.get(data.image_column)
    places = [f"line {line}" for line in lines]
    if data.labels is None:
        places = frame[data.image_column].tolist()
    elif known_images is not None:
        places = [f"{line} ({image})" for line, image in zip(places, known_images, strict=True)]
    task = data.written_task.closed_over(frame, data.label_column)
    # Class folders have no column of labels, and findings may each have one of their own.
    from_one = data.labels is not None and data.label_column in frame
    source = f"{path}: column '{data.label_column}'" if from_one else str(path)
    labels = task.read(frame, places, data.label_column, source)
    own = task.columns_of(labels)
    for name, values in own.items():
        if name not in frame.columns:
            continue
        if name == data.label_column:
            # A split's own CSV, labelled by what a task wrote: the older text is dropped.
            frame = frame.drop(columns=AS_LABELLED.format(name), errors="ignore")
            frame = frame.rename(columns={name: AS_LABELLED.format(name)})
        elif frame[name].tolist() == [str(value) for value in values]:
            frame = frame.drop(columns=name)  # a split's own CSV can serve as labels again
        else:
            raise DataError(
                f"{path}: column '{name}' is not what '{data.label_column}' says. "
                f"Rename it, or use it: data.label_column: {name}"
            )
    own_columns = pd.DataFrame(own, index=frame.index)
    return LabelledRows(pd.concat([frame, own_columns], axis=1), labels, task)


def closed_task(data: "Data") -> ClassificationTask:
    """The task of the data, its classes taken from the table where nothing has recorded them yet.

    Raises DataError where the table cannot be read.
    """
    task = data.classification
    return read_labels(data).task if task.is_open else task


def split_frame(path: Path) -> pd.DataFrame:
    """The rows of a split's CSV as text, whatever its labels mean."""
    return read_text(path).frame


def read_split(path: Path, task: ClassificationTask) -> LabelledRows:
    """A split's CSV as `write_splits` wrote it: text columns, then the label columns of the task.

    Raises DataError where it has no such columns, or other labels.
    """
    frame, _ = read_text(path)
    for column in task.label_columns:
        require_column(frame, column, path, "of the labels, the last columns of a split")
    try:
        labels = task.labels_of(frame, str(path))
    except DataError as error:
        raise DataError(f"{error}. Was the task another one then? Split again.") from None
    return LabelledRows(frame.assign(**task.columns_of(labels)), labels, task)


def missing_column(
    frame: pd.DataFrame, column: str, path: Path, key: str, hint: str = ""
) -> list[Problem]:
    """The problem of a missing column, for which `require_column` would raise."""
    return _as_problems(key, require_column, frame, column, path, key, hint)


def _require_values(
    column: pd.Series, absent: "pd.Series[bool]", lines: list[int], path: Path
) -> None:
    if not absent.any():
        return
    empty = [line for line, is_absent in zip(lines, absent, strict=True) if is_absent]
    found = ", ".join(sorted({repr(cell) for cell in column[absent] if cell.strip()}))
    raise DataError(
        f"{path}: column '{column.name}' is empty{found and f' ({found})'} in {plural(len(empty), 'row')}: "
        f"lines {listed(empty)}"
    )


def _require_unique(images: pd.Series, lines: list[int], path: Path) -> None:
    files = images.map(posixpath.normpath)  # `./a.png` is `a.png`
    repeated = files.duplicated(keep=False)
    if repeated.any():
        at = pd.Series(lines, index=images.index)[repeated].groupby(files, sort=False).agg(list)
        named = [f"{image} (lines {listed(where)})" for image, where in at.items()]
        raise DataError(
            f"{path}: {len(named)} image names are in more than one row: {listed(named)}. "
            "Keep one row per image."
        )

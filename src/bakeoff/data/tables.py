"""Label tables: any CSV with an image and a label column; each cell keeps the text it has in the file."""

import csv
import gzip
import io
import posixpath
import zlib
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd

from bakeoff.data.patients import is_nobody
from bakeoff.errors import DataError
from bakeoff.spelling import did_you_mean
from bakeoff.task.labels import disease_of
from bakeoff.wording import listed

if TYPE_CHECKING:
    from bakeoff.config.schema import Data

DISEASE = "Disease"
"""The column that every split has as its last: 1 where there is a finding, else 0."""

LABELLED = "Disease as labelled"
"""What a label column that is itself called `Disease` is called from there on, beside the 0 and 1."""


class Table(NamedTuple):
    """A CSV as text: `frame` has str columns only; row i is on line `lines[i]` of the file, from 1."""

    frame: pd.DataFrame
    lines: list[int]


class Problem(NamedTuple):
    """What is wrong with a table: the configuration's key that may mend it ("" for none), and a sentence."""

    key: str
    text: str


class Inspection(NamedTuple):
    """A label table and all that is wrong with it: `labels` is None where `problems` are in the way."""

    table: Table | None  # None where the file is no table at all
    labels: pd.DataFrame | None  # as `read_labels` returns it
    problems: list[Problem]


def read_labels(data: "Data") -> pd.DataFrame:
    """The labelled images of `data.labels`: the file's own columns as text, then `Disease` as int64 0/1.

    A label column of that very name is kept as `Disease as labelled`; `label_texts` finds it.

    Reads both layouts of ChestX-ray14 (Kaggle's sample; the full Data_Entry table, gzipped or not) and
    any other CSV with an image and a label column. Raises one DataError for all that `inspect_labels`
    finds.
    """
    inspection = inspect_labels(data)
    if inspection.labels is None:
        raise DataError("\n".join(problem.text for problem in inspection.problems))
    return inspection.labels


def inspect_labels(data: "Data") -> Inspection:
    """The label table and everything that is wrong with it at once; it opens no image and raises nothing.

    Looks for missing columns, too few rows, a missing or repeated image name, a missing patient, and a
    label that is missing, unknown or contradicts another one of its row. `read_labels`, `bakeoff plan`
    and `bakeoff doctor` build on it; `data.splits.inspect_split` goes on with how it can be split.
    """
    path = data.labels
    problems: list[Problem] = []
    try:
        table = read_text(path, data.rows)
    except DataError as error:
        return Inspection(None, None, [Problem("data.labels", str(error))])
    if data.rows is not None and data.rows > len(table.frame):
        problem = f"data.rows asks for the first {data.rows} rows, there are {len(table.frame)}"
        problems.append(Problem("data.rows", f"{path}: {problem}"))
    frame, lines = table
    asked = {"data.image_column": data.image_column, "data.label_column": data.label_column}
    hints = {}
    if data.patient_column is not None:
        asked["data.patient_column"] = data.patient_column
        hints["data.patient_column"] = (
            "For a table without patients: data.patient_column: null, split.group_by: null."
        )
    for key, column in asked.items():
        problems += required(frame, column, path, key, hints.get(key, ""))
    if data.image_column in frame:
        names = frame[data.image_column]
        problems += _found(
            "data.image_column", _require_values, names, names.str.strip() == "", lines, path
        )
    if data.patient_column in frame:
        patients = frame[data.patient_column]
        nobody = patients.map(is_nobody)
        problems += _found("data.patient_column", _require_values, patients, nobody, lines, path)
    if data.image_column in frame:
        images = frame[data.image_column]
        problems += _found("data.image_column", _require_unique, images, lines, path)
    if data.label_column not in frame:
        return Inspection(table, None, problems)
    try:
        labels = _with_disease(frame, lines, data)
    except DataError as error:
        problems.append(Problem("data.label_column", str(error)))
    return Inspection(table, None if problems else labels, problems)


def _found(key: str, require: Callable[..., None], *arguments: object) -> list[Problem]:
    """What `require` raises for its arguments, as a problem."""
    try:
        require(*arguments)
    except DataError as error:
        return [Problem(key, str(error))]
    return []


def _with_disease(frame: pd.DataFrame, lines: list[int], data: "Data") -> pd.DataFrame:
    """`frame` with `Disease` as its last column, by the labels."""
    path = data.labels
    known_images = frame.get(data.image_column)
    places = [f"line {line}" for line in lines]
    if known_images is not None:
        places = [f"{line} ({image})" for line, image in zip(places, known_images, strict=True)]
    disease = disease_of(
        frame[data.label_column].tolist(),
        places,
        data.negative,
        data.positive,
        f"{path}: column '{data.label_column}'",
    )
    if DISEASE in frame.columns:
        if data.label_column == DISEASE:
            # In a split's own CSV, labels by their 0 and 1, the older text gives way.
            frame = frame.drop(columns=LABELLED, errors="ignore")
            frame = frame.rename(columns={DISEASE: LABELLED})
        elif frame[DISEASE].tolist() == [str(d) for d in disease]:
            frame = frame.drop(columns=DISEASE)  # a split's own CSV can serve as labels again
        else:
            raise DataError(
                f"{path}: column '{DISEASE}' is not what '{data.label_column}' says. "
                f"Rename it, or use it: data.label_column: {DISEASE}"
            )
    return frame.assign(**{DISEASE: pd.Series(disease, index=frame.index, dtype="int64")})


def label_texts(rows: pd.DataFrame, data: "Data") -> pd.Series:
    """The label cells of a split's rows, as the table has them."""
    texts: pd.Series = rows[LABELLED if data.label_column == DISEASE else data.label_column]
    return texts


def read_split(path: Path) -> pd.DataFrame:
    """A split's CSV as `write_splits` wrote it: text columns, then `Disease` as int64 0/1."""
    frame, _ = read_text(path)
    require_column(frame, DISEASE, path, "the last column of a split")
    if bad := sorted(set(frame[DISEASE]) - {"0", "1"}):
        raise DataError(f"{path}: column '{DISEASE}' holds {bad}, expected only 0 and 1")
    return frame.astype({DISEASE: "int64"})


def read_text(path: Path, rows: int | None = None) -> Table:
    """The first `rows` rows of a `.csv` or `.csv.gz` (all by default), every cell as its text.

    The unquoted header `OriginalImage[Width,Height]` of the full ChestX-ray14 table becomes two
    columns, and the same header when written. Raises DataError for what is not a CSV in UTF-8 with
    a header and as many cells in each row.
    """
    records = _records(path)
    _, header = next(records, (0, []))
    if not header:
        raise DataError(f"{path}: the file is empty; expected a header line, then rows")
    if len(header) == 1 and (found := [sign for sign in ";\t|" if sign in header[0]]):
        raise DataError(
            f"{path}: the header is one cell, {header[0]!r}: its cells seem to be separated by "
            f"{found[0]!r}. Expected commas: save the table as CSV (comma-separated, UTF-8)."
        )
    # The first release of the full table ends its lines with a comma, which is not a column.
    columns = header[:-1] if header[-1] == "" else header
    if repeated := sorted({name for name in columns if columns.count(name) > 1}):
        raise DataError(f"{path}: the header names {', '.join(repeated)} more than once")
    lines, cells = [], []
    for line, record in islice(records, rows):
        if len(record) not in {len(columns), len(header)}:
            raise DataError(
                f"{path}: line {line} has {len(record)} cells, the header {len(columns)}. "
                "Cells are separated by commas; quote those that hold one."
            )
        lines.append(line)
        cells.append(record[: len(columns)])
    if not cells:
        raise DataError(f"{path}: there is a header but no row")
    return Table(pd.DataFrame(cells, columns=columns, dtype="str"), lines)


def require_column(frame: pd.DataFrame, column: str, path: Path, key: str, hint: str = "") -> None:
    """Raise DataError, naming the columns there are and the nearest, unless `frame` has `column`."""
    if column not in frame.columns:
        columns = [str(name) for name in frame.columns]
        advice = f"{did_you_mean(column, columns)} {hint}".strip()
        raise DataError(
            f"{path}: no column '{column}' ({key}). There are: {', '.join(columns)}. {advice}".strip()
        )


def required(
    frame: pd.DataFrame, column: str, path: Path, key: str, hint: str = ""
) -> list[Problem]:
    """A column that is not there as a problem, in place of `require_column`'s error."""
    return _found(key, require_column, frame, column, path, key, hint)


def _records(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Line number and cells of each line that is not blank."""
    try:
        with (
            gzip.open(path) if path.suffix == ".gz" else path.open("rb") as raw,
            # utf-8-sig: spreadsheets put a byte-order mark before the first column's name.
            io.TextIOWrapper(raw, encoding="utf-8-sig", newline="") as text,
        ):
            reader = csv.reader(text, strict=True)
            yield from ((reader.line_num, record) for record in reader if record)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: cannot be read: {error}") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise DataError(
            f"{path}: not a CSV in UTF-8: {error}. Save the table as CSV (comma-separated, UTF-8)."
        ) from error


def _require_values(
    column: pd.Series, absent: "pd.Series[bool]", lines: list[int], path: Path
) -> None:
    if not absent.any():
        return
    empty = [line for line, is_absent in zip(lines, absent, strict=True) if is_absent]
    found = ", ".join(sorted({repr(cell) for cell in column[absent] if cell.strip()}))
    raise DataError(
        f"{path}: column '{column.name}' is empty{found and f' ({found})'} in {len(empty)} rows: "
        f"lines {listed(empty)}"
    )


def _require_unique(images: pd.Series, lines: list[int], path: Path) -> None:
    files = images.map(posixpath.normpath)  # `./a.png` is `a.png`
    repeated = files.duplicated(keep=False)
    if repeated.any():
        at = pd.Series(lines, index=images.index)[repeated].groupby(files, sort=False).agg(list)
        named = [f"{image} (lines {listed(where)})" for image, where in at.items()]
        raise DataError(
            f"{path}: {len(named)} image names stand in more than one row: {listed(named)}. "
            "Keep one row per image."
        )

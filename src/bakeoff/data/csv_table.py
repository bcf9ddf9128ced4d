"""CSV files read as text: every cell keeps the text that it has in the file, every row its line number."""

import csv
import gzip
import io
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from bakeoff.errors import DataError
from bakeoff.spelling import did_you_mean


class Table(NamedTuple):
    """A CSV as text: `frame` has str columns only; row i is on line `lines[i]` of the file, from 1."""

    frame: pd.DataFrame
    lines: list[int]


def read_text(path: Path, rows: int | None = None) -> Table:
    """The first `rows` rows of our own `.csv` (all by default), every cell as its text, blanks and all.

    For what people bring there is `table_files.read_table`. Raises DataError for what is not a CSV in UTF-8
    with a header and as many cells in each row.
    """
    try:
        text = read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not a CSV in UTF-8: {error}") from error
    return parse(text, path, ",", rows)


def parse(text: str, path: Path, separator: str, rows: int | None = None) -> Table:
    """The table in the text of the file `path`.

    The unquoted header `OriginalImage[Width,Height]` of the full ChestX-ray14 table becomes two
    columns, and the same header when written. Raises DataError for what has no header or row, or not
    as many cells in each row.
    """
    records = _records(text, path, separator)
    _, header = next(records, (0, []))
    if not header:
        raise DataError(f"{path}: the file is empty; expected a header line, then rows")
    # The first release of the full table ends its lines with a comma, which is not a column.
    columns = header[:-1] if header[-1].strip() == "" else header
    lines, cells = [], []
    for line, record in islice(records, rows):
        if len(record) not in {len(columns), len(header)}:
            raise DataError(
                f"{path}: line {line} has {len(record)} cells, the header {len(columns)}. Cells are "
                f"separated by {sign(separator)}; quote those that hold one."
            )
        lines.append(line)
        cells.append(record[: len(columns)])
    if not cells:
        raise DataError(f"{path}: there is a header but no row")
    require_different(columns, path)
    return Table(pd.DataFrame(cells, columns=columns, dtype="str"), lines)


def require_different(columns: Sequence[str], path: Path) -> None:
    """Raise DataError where the header names a column more than once."""
    counts = Counter(columns)
    if repeated := sorted(name for name in counts if counts[name] > 1):
        raise DataError(f"{path}: the header names {', '.join(repeated)} more than once")


def require_column(frame: pd.DataFrame, column: str, path: Path, key: str, hint: str = "") -> None:
    """Raise DataError, naming the columns there are and the nearest, unless `frame` has `column`."""
    if column not in frame.columns:
        columns = [str(name) for name in frame.columns]
        advice = f"{did_you_mean(column, columns)} {hint}".strip()
        raise DataError(
            f"{path}: no column '{column}' ({key}). There are: {', '.join(columns)}. {advice}".strip()
        )


def read_bytes(path: Path) -> bytes:
    """The content of a file, unpacked if its name ends with `.gz`; DataError if it cannot be read."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
            return stream.read()
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: cannot be read: {error}") from error


def sign(separator: str) -> str:
    """A separator in words."""
    return {",": "commas", ";": "semicolons", "\t": "tabs"}.get(separator, f"'{separator}'")


def _records(text: str, path: Path, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Line number and cells of each line that is not blank."""
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
        yield from ((reader.line_num, record) for record in reader if record)
    except csv.Error as error:
        raise DataError(
            f"{path}: line {reader.line_num} is not CSV: {error}. Cells that hold quotes are written in "
            'quotes, with each of their own doubled: "a ""b"""'
        ) from error

"""CSV files read as text: every cell keeps the text that it has in the file, every row its line number."""

import csv
import gzip
import io
import zlib
from collections.abc import Iterator
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

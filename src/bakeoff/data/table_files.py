"""Tables as people have them: other separators and encodings, blanks around cells, Excel's ways."""

import codecs
import csv
import io
import re
from collections.abc import Collection
from itertools import islice
from pathlib import Path

from bakeoff.data.csv_table import Table, parse, read_bytes, require_different
from bakeoff.errors import DataError

SEPARATORS = (",", ";", "\t")
"""The signs between cells that a header tells; of equally good ones the first."""

LOOKED_AT, HEAD = 20, 10**6
"""Records, and characters, of the start of a table by which separators are told apart."""

_FOREIGN = {
    b"PK\x03\x04": "a zip archive, as Excel's workbooks are",
    b"\xd0\xcf\x11\xe0": "a workbook of an old Excel",
    b"PAR1": "a Parquet file",
    b"\x1f\x8b": "compressed by gzip, which is read from a name that ends with .csv.gz",
}


def read_table(
    path: Path,
    rows: int | None = None,
    separator: str | None = None,
    encoding: str = "utf-8",
    columns: Collection[str] = (),
) -> Table:
    """The first `rows` rows of a `.csv` or `.csv.gz`, every cell as its text without blanks around it.

    The separator is told from the header unless it is given. Names of columns have no blanks around
    them, but those in `columns` are kept as they are. Raises DataError for what is no table.
    """
    table = read_unstripped(path, rows, separator, encoding)
    return stripped(table, path, columns)


def read_unstripped(
    path: Path, rows: int | None = None, separator: str | None = None, encoding: str = "utf-8"
) -> Table:
    """As `read_table`, with the blanks around cells and names of columns."""
    text = _text(read_bytes(path), path, encoding)
    # Excel's own line for the separator; what stays of it is a blank line.
    if said := re.match(r"sep=(.)(?=\r?\n)", text):
        separator, text = separator or said[1], text[said.end() :]
    separator = separator or separator_of(text)
    return parse(_closed_up(text, separator), path, separator, rows)


def stripped(table: Table, path: Path, columns: Collection[str] = ()) -> Table:
    """The table without blanks around its cells and its columns' names, but for those in `columns`."""
    written = [str(name) for name in table.frame]
    names = [name if name in columns else name.strip() for name in written]
    require_different(names, path)
    frame = table.frame.apply(lambda cells: cells.str.strip())
    return Table(frame.set_axis(names, axis=1), table.lines)


def separator_of(text: str) -> str:
    """The sign that cuts header and first rows into as many cells, the most; else the header into most."""

    def cut(sign: str) -> tuple[bool, int]:
        reader = csv.reader(
            io.StringIO(text[:HEAD], newline=""), delimiter=sign, skipinitialspace=True
        )
        try:
            header, *others = islice(filter(None, reader), LOOKED_AT)
        except (csv.Error, ValueError):  # no table; whoever reads it says why
            return False, 0
        width = len(header)
        ends = {width, width - (header[-1] == "")}  # with a separator at the end of the header
        return width > 1 and all(len(record) in ends for record in others), width

    return max(SEPARATORS, key=cut)


def _closed_up(text: str, separator: str) -> str:
    """The text without the blanks between quotes and separators, which CSV does not allow."""
    sign = re.escape(separator)
    if not re.search(rf'(?:{sign}|^) +"|" +(?:{sign}|\r|\n|\Z)', text, re.MULTILINE):
        return text
    # A cell in quotes is taken as a whole, so that what is in it stays.
    cell = rf'(^|{sign}) *("(?:[^"]|"")*") *(?={sign}|\r|\n|\Z)'
    return re.sub(cell, r"\1\2", text, flags=re.MULTILINE)


def _text(content: bytes, path: Path, encoding: str) -> str:
    for start, what in _FOREIGN.items():
        if content.startswith(start):
            raise DataError(f"{path}: {what}. Save the table as CSV (comma-separated, UTF-8).")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise _not_in(encoding, content, path, error.start) from error
    if "\0" in text:
        raise _not_in(encoding, content, path, content.index(b"\0"))
    # Spreadsheets put a byte-order mark before the first column's name.
    return text.removeprefix("\ufeff")


def _not_in(encoding: str, content: bytes, path: Path, at: int) -> DataError:
    line = content.count(b"\n", 0, at) + 1
    start = max(content.rfind(sign, 0, at) for sign in (b"\n", b",", b";", b"\t", b" ", b'"')) + 1
    said = f"{path}: not text in {encoding} (data.encoding): line {line} has {content[start : at + 8]!r}"
    guess = encoding_of(content)
    if guess == encoding:
        return DataError(f"{said}. Save the table as CSV (comma-separated, UTF-8).")
    reads = ""
    if not guess.startswith("utf-16"):
        word = re.split(r"[\s,;\"]", content[start : at + 40].decode(guess, errors="replace"))[0]
        reads = f", where this is {word!r}"
    return DataError(
        f"{said}. It may be {guess}{reads}: write data.encoding: {guess}, or save the table in UTF-8."
    )


def encoding_of(content: bytes) -> str:
    """UTF-8 where the text is, else the most likely of the encodings that Windows and Excel write."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    head = content[:1000]
    if head.count(0) > len(head) // 4:
        return "utf-16-le" if head[1::2].count(0) > head[::2].count(0) else "utf-16-be"
    for encoding in ("utf-8", "cp1252"):
        try:
            content.decode(encoding)
        except UnicodeDecodeError:
            continue
        return encoding
    return "iso8859-1"

"""Atomic writes: a file is written under a temporary name, flushed to disk, then renamed."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

if TYPE_CHECKING:
    import pandas as pd


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it replaces `path`, on an error it is removed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # The suffix stays last: writers such as numpy and matplotlib choose the format by it.
    temporary = path.with_name(f".{path.stem}.{os.getpid()}-{uuid4().hex[:8]}{path.suffix}")
    try:
        yield temporary
        flush(temporary)
        temporary.replace(path)
        flush(path.parent)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text to `path`, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_bytes(path: Path, content: bytes) -> None:
    """Write bytes to `path`, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON; NaN and infinity are refused because JSON has none."""
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


def write_first(path: Path, value: Any) -> None:
    """`write_json`, unless the file is there: of several processes the first one's is kept, whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}-{uuid4().hex[:8]}{path.suffix}")
    write_json(temporary, value)
    try:
        path.hardlink_to(temporary)
    except FileExistsError:
        pass
    except OSError:  # a file system without links
        if not path.exists():
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def read_json(path: Path) -> Any:
    """Read a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, as 64 hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def tail_lines(log: Path, size: int) -> list[str]:
    """The lines in the last `size` bytes of a log; none if there is no log.

    Undecodable bytes are shown as such. Of a line that a progress bar rewrote, its last text is kept.
    """
    try:
        with log.open("rb") as stream:
            stream.seek(max(0, stream.seek(0, 2) - size))
            text = stream.read().decode("utf-8", errors="replace")
    except OSError:
        return []
    return [line.rpartition("\r")[2].rstrip() for line in text.rstrip().split("\n")]


def link_or_copy(source: Path, target: Path) -> None:
    """Hard-link a file that is never changed in place; copy it where the file system has no links."""
    with replacing(target) as temporary:
        try:
            temporary.hardlink_to(source)
        except OSError:
            shutil.copy2(source, temporary)


def write_csv(path: Path, table: "pd.DataFrame") -> None:
    """Write a table without its index, floats with every digit: equal tables are equal files."""
    write_text(path, table.to_csv(index=False))


def flush(path: Path) -> None:
    """Wait until a file or folder is on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

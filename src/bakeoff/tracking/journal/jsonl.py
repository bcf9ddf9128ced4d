"""JSON Lines files that several processes append to, and that stay readable after a kill at any moment."""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

_CHUNK = 65536


def append_lines(path: Path, lines: bytes) -> None:
    """Append whole lines in one write and flush them to the disk.

    It first repairs what a killed writer left: a last line that is complete JSON but for its newline gets
    the newline, anything shorter is removed; readers take whole lines only, so nobody has read it. On an
    error the file is as before.
    """
    # Unbuffered: a buffer that could not be written would be tried again when the file closes.
    with path.open("a+b", buffering=0) as stream, file_lock(stream):
        end = _repair(stream.fileno())
        left = memoryview(lines)
        try:
            while left:
                left = left[stream.write(left) :]
            os.fsync(stream.fileno())
        except OSError:
            with suppress(OSError):
                os.ftruncate(stream.fileno(), end)
            raise


def read_lines(path: Path, offset: int = 0, until: int | None = None) -> tuple[list[bytes], int]:
    """The whole lines from byte `offset` on (to byte `until`), and the offset behind them."""
    with path.open("rb") as stream:
        stream.seek(offset)
        content = stream.read(-1 if until is None else max(0, until - offset))
    end = content.rfind(b"\n") + 1
    return content[:end].splitlines(), offset + end


def _repair(descriptor: int) -> int:
    """Complete or remove a torn last line; the length of the file then, in bytes."""
    end = os.fstat(descriptor).st_size
    start = end
    torn = b""
    while start > 0 and b"\n" not in torn:
        size = min(_CHUNK, start)
        start -= size
        torn = os.pread(descriptor, size, start) + torn
    torn = torn[torn.rfind(b"\n") + 1 :]
    if not torn:
        return end
    # An object is complete only with its last brace; a shorter piece never parses.
    if _is_json_object(torn):
        os.write(descriptor, b"\n")
        return end + 1
    os.ftruncate(descriptor, end - len(torn))
    return end - len(torn)


def _is_json_object(text: bytes) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


@contextmanager
def file_lock(stream: IO[Any], patience: float | None = None) -> Iterator[None]:
    """Hold the advisory lock of an open file; TimeoutError after `patience` seconds, if given.

    On a file system that has no locks, go on without one.
    """
    deadline = None if patience is None else time.monotonic() + patience
    while True:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | (0 if deadline is None else fcntl.LOCK_NB))
            break
        except BlockingIOError:
            if deadline is not None and time.monotonic() > deadline:
                raise TimeoutError(f"{stream.name} is locked by another process.") from None
            time.sleep(0.1)
        except OSError:  # no locks here
            yield
            return
    try:
        yield
    finally:
        fcntl.flock(stream, fcntl.LOCK_UN)

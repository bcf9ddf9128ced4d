"""Small JSON records on a shared file system: each appears whole or not at all."""

import json
import os
from pathlib import Path
from typing import Any
from uuid import uuid4


class UnreadableError(OSError):
    """A record that is there and cannot be read, or not now; the message names the file and says why."""


def write(path: Path, value: dict[str, Any], durable: bool = True) -> None:
    """Write `value` to `path` under a temporary name, flush it to the disk if so, rename it."""
    temporary = path.with_name(f".{path.name}.{uuid4().hex[:8]}")
    try:
        with temporary.open("x", encoding="utf-8") as stream:
            json.dump(value, stream)
            stream.flush()
            if durable:
                os.fsync(stream.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def read(path: Path) -> dict[str, Any] | None:
    """The record, or None where there is none or it is not readable as one."""
    try:
        return settled(path)
    except UnreadableError:
        return None


def settled(path: Path) -> dict[str, Any] | None:
    """The record, or None where there is none; raises UnreadableError where that cannot be told."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        if missing(path):
            return None
        why = error.strerror if isinstance(error, OSError) else error
        raise UnreadableError(f"{path} cannot be read ({why})") from None
    if not isinstance(value, dict):
        raise UnreadableError(f"{path} cannot be read (no JSON object)")
    return value


def missing(path: Path) -> bool:
    """Whether there is no such record, and not merely none that can be read now."""
    try:
        path.lstat()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return False

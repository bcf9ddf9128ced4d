"""Small JSON records on a shared file system: each appears whole or not at all."""

import json
import os
from pathlib import Path
from typing import Any
from uuid import uuid4


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
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def missing(path: Path) -> bool:
    """Whether there is no such record, and not merely none that can be read now."""
    try:
        path.lstat()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return False

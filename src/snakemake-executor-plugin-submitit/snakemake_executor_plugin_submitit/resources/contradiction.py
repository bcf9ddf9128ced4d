"""What cannot be meant: the error about a job's resources, and whole numbers among them."""

from collections.abc import Mapping
from typing import Any


class ContradictionError(ValueError):
    """Resources of a job that cannot be meant; the message says which and why."""


def count(resources: Mapping[str, Any], name: str) -> int | None:
    """A resource of 1 or more, None where it is not set; ContradictionError for anything else."""
    value = resources.get(name)
    if value in (None, ""):
        return None
    try:
        number = int(str(value))
    except ValueError:
        raise ContradictionError(f"{name}={value!r}: expected a whole number") from None
    if number < 1:
        raise ContradictionError(f"{name}={value}: expected 1 or more")
    return number

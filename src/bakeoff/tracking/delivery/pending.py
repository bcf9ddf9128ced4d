"""What a bake-off owes MLflow where it could not be reached: noted in place of the result, paid later.

A workflow that has trained for hours does not fail for its bookkeeping. A stage that MLflow keeps
from its end writes the reason where its result belongs; `bakeoff sync` makes up for it.
"""

from contextlib import suppress
from pathlib import Path
from typing import Any

from bakeoff.errors import TrackingError
from bakeoff.files import read_json, write_json


def record_pending(file: Path, error: TrackingError, **later: Any) -> None:
    """Note in `file` why its result is not there, and the arguments (JSON) of making up for it."""
    write_json(file, {"pending": str(error), "later": later})


def pending_arguments(file: Path) -> dict[str, Any] | None:
    """The arguments that `record_pending` noted there; None where nothing is pending."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        found = read_json(file)
        if found["pending"]:
            return dict(found["later"])
    return None

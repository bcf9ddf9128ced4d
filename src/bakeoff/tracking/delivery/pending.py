"""Pending deliveries: where MLflow could not be reached, a stage's result file holds the reason instead.

A workflow that has trained for hours must not fail because MLflow is down. The stage records the
delivery as pending and succeeds; `bakeoff sync` completes it.
"""

from contextlib import suppress
from pathlib import Path
from typing import Any

from bakeoff.errors import TrackingError
from bakeoff.files import read_json, write_json


def record_pending(file: Path, error: TrackingError, **later: Any) -> None:
    """Write into `file` why its result is missing, and the arguments (JSON) to complete it with."""
    write_json(file, {"pending": str(error), "later": later})


def pending_arguments(file: Path) -> dict[str, Any] | None:
    """The arguments that `record_pending` wrote; None where nothing is pending."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        found = read_json(file)
        if found["pending"]:
            return dict(found["later"])
    return None

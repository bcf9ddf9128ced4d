"""Errors of a tracking store: those after which a later try may succeed, and the others."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from bakeoff.errors import TrackingError
from bakeoff.tracking.mlflow.address import Address
from bakeoff.tracking.mlflow.health import UnavailableError

LASTING = {
    "INVALID_PARAMETER_VALUE",
    "RESOURCE_DOES_NOT_EXIST",
    "RESOURCE_ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "UNAUTHENTICATED",
    "INVALID_STATE",
    "BAD_REQUEST",
}
"""MLflow's error codes after which no later try succeeds; after all others one may."""


@contextmanager
def translated(address: Address) -> Iterator[None]:
    """Raise UnavailableError where trying later may help, TrackingError where it will not."""
    try:
        yield
    except Exception as error:
        # MLflow's own errors have a code; others come from requests, SQLAlchemy, the artifacts' disk.
        code = getattr(error, "error_code", None)
        kind = "" if code else f"{type(error).__name__}: "
        raise (TrackingError if code in LASTING else UnavailableError)(
            f"MLflow at {address}: {kind}{_first_line(error)}"
        ) from error


def _first_line(error: Exception) -> str:
    """The error's first line, without credentials of an address and without SQL."""
    text = str(error).strip().split("\n")[0]
    return re.sub(r"//[^/@\s]+@", "//", text)[:300]

"""The health check of a tracking server: whether it answers within seconds."""

import re
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from bakeoff.errors import TrackingError
from bakeoff.tracking.mlflow.address import Address


class UnavailableError(TrackingError):
    """The store is unavailable now: a later try may succeed, and nothing is lost."""


class BusyError(UnavailableError):
    """Another process is sending the run at this moment."""


def require_answer(address: Address, patience: float) -> None:
    """Raise UnavailableError unless a server answers within `patience` seconds."""
    url = address.uri.rstrip("/") + "/health"
    bare = re.sub(r"//[^/@]*@", "//", url)
    try:
        with urlopen(Request(bare), timeout=patience):
            return
    except HTTPError as error:
        if error.code < 500:  # it answers: a proxy may not pass /health on
            return
        raise UnavailableError(
            f"MLflow at {address} answers {error.code} {error.reason}."
        ) from error
    except (URLError, OSError) as error:
        reason = getattr(error, "reason", error)
        raise UnavailableError(
            f"MLflow at {address} does not answer within {patience:g} s: {reason}. Nothing is lost: "
            "the journals keep everything. Start the server, or correct tracking.uri or "
            "MLFLOW_TRACKING_URI, then run `bakeoff sync`."
        ) from error

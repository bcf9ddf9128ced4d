"""On what, and beside what, something was measured."""

import os
import platform
from importlib.metadata import version


def load() -> str:
    """The load average of the last minute: how many processes wanted a core."""
    return f"{os.getloadavg()[0]:.1f}"


def machine() -> str:
    """Cores and versions, in a phrase."""
    cores = len(os.sched_getaffinity(0))
    python, torch, mlflow = platform.python_version(), version("torch"), version("mlflow")
    return f"{cores} cores, Python {python}, torch {torch}, MLflow {mlflow}"

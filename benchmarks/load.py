"""On what, and beside what, something was measured."""

import os
import platform
import re
from importlib.metadata import version
from pathlib import Path


def load() -> str:
    """The load average of the last minute: how many processes wanted a core."""
    return f"{os.getloadavg()[0]:.1f}"


def machine() -> str:
    """Cores, processor and versions, in a phrase."""
    cores = len(os.sched_getaffinity(0))
    python, torch, mlflow = platform.python_version(), version("torch"), version("mlflow")
    return f"{cores} cores ({processor()}), Python {python}, torch {torch}, MLflow {mlflow}"


def processor() -> str:
    """The processor's name, and whether it has AVX-512, on which the speed of bf16 rests."""
    try:
        known = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.machine()
    name = re.search(r"^model name\s*: (.+)$", known, re.MULTILINE)
    wide = " with AVX-512" if re.search(r"\bavx512f\b", known) else ""
    return (name.group(1) if name else platform.machine()) + wide

"""R's package pROC, from Debian where that may be installed: ROC curves as others compute them."""

import subprocess
from pathlib import Path

from tests.debian import InstallError, install, program, refuse

PACKAGE = "r-cran-proc"


def proc(script: str, folder: Path) -> dict[str, list[float]]:
    """What an R script with pROC prints in `folder`, lines of a name and numbers, by name.

    Without R or pROC the test is skipped, in CI it fails.
    """
    r = program("Rscript", PACKAGE)
    if not _has_proc(r):  # R is there without it
        try:
            install([PACKAGE])
        except (InstallError, OSError) as error:
            refuse(f"R has no pROC, and {PACKAGE} cannot be installed: {error}")
    done = subprocess.run(
        [r, "-e", f"suppressMessages(library(pROC)); options(digits = 15); {script}"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    return {name: [float(number) for number in numbers] for name, *numbers in lines}


def _has_proc(r: str) -> bool:
    asked = [r, "-e", 'quit(status = !requireNamespace("pROC", quietly = TRUE))']
    return subprocess.run(asked, capture_output=True, check=False, timeout=120).returncode == 0

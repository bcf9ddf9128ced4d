"""One run of the suite with one executor, and what became of its tests."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal
from uuid import uuid4
from xml.etree import ElementTree

import psutil

from tests.conformance.exchange import SUBMIT, VARIABLE
from tests.conformance.suite import Suite

Result = Literal["passed", "failed", "skipped"]
# In the environment of everything that a run starts, so that what it leaves behind is found.
MARK = "CONFORMANCE_RUN"


def run(
    suite: Suite,
    executor: str,
    tests: Sequence[str] = (),
    workers: int = 2,
    options: Sequence[str] = (),
    log: Path | None = None,
    patience: float | None = None,
) -> dict[str, Result]:
    """Run the suite's tests, or those that are named, and tell how each of them ended.

    After `patience` seconds it is given up, and nothing is told.
    """
    mark, folder = uuid4().hex, Path(tempfile.mkdtemp(prefix="conformance-"))
    report = folder / "report.xml"
    (folder / "tmp").mkdir()
    names = [f"tests/tests.py::{test}" for test in tests] or ["tests/tests.py"]
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("SNAKEMAKE_")
    } | {
        "PATH": f"{suite.python.parent}:{os.environ['PATH']}",
        "TMPDIR": str(folder / "tmp"),
        VARIABLE: executor,
        SUBMIT: str(suite.submit),
        MARK: mark,
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    command = [
        *(str(suite.python), "-m", "pytest", "-p", "no:cacheprovider", "-n", str(workers)),
        *("--quiet", f"--junitxml={report}", *options, *names),
    ]
    try:
        with (
            (log or Path(os.devnull)).open("w") as output,
            suppress(subprocess.TimeoutExpired),
        ):
            subprocess.run(
                command,
                cwd=suite.sources,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
                timeout=patience,
            )
        return results(report) if report.exists() else {}
    finally:
        end_leftovers(mark)
        shutil.rmtree(folder, ignore_errors=True)


def results(report: Path) -> dict[str, Result]:
    """How each test ended, read from pytest's report in XML."""
    found: dict[str, Result] = {}
    for case in ElementTree.parse(report).iter("testcase"):
        kinds = {child.tag for child in case}
        ended: Result = "failed" if kinds & {"failure", "error"} else "passed"
        found[case.attrib["name"]] = "skipped" if "skipped" in kinds else ended
    return found


def end_leftovers(mark: str) -> None:
    """End the processes that a run has left behind: jobs of a test that was given up."""
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get(MARK) == mark:
                process.kill()

"""The suite of the pinned Snakemake: its source distribution, and an environment beside ours."""

import shutil
import site
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from tests.conformance import exchange

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".conformance"
# What some of the suite's tests need, and nothing of ours does; for the whole suite alone.
NEEDS = (
    "pytest-timeout",
    "pytest-mock",
    "polars",
    "requests-mock",
    "snakemake-executor-plugin-cluster-generic",
    "snakemake-storage-plugin-fs",
    "snakemake-storage-plugin-http",
)
SUBMIT = """#!/bin/sh
setsid sh "$1" < /dev/null > /dev/null 2>&1 &
echo $!
"""


LOAD = (
    "import importlib.util as u; s = u.spec_from_file_location('exchange', {path!r}); "
    "m = u.module_from_spec(s); s.loader.exec_module(m); m.install()"
)


class UnavailableError(RuntimeError):
    """The suite cannot be had here; the message says why."""


@dataclass(frozen=True)
class Suite:
    """The unpacked suite and the Python that runs it."""

    sources: Path
    python: Path
    submit: Path

    @classmethod
    def prepare(cls, whole: bool = False) -> "Suite":
        """Fetch what is missing; `whole` with everything that some of the tests need.

        Raises UnavailableError where the source distribution cannot be fetched.
        """
        FOLDER.mkdir(exist_ok=True)
        python = _environment(whole)
        submit = FOLDER / "submit"
        submit.write_text(SUBMIT, encoding="utf-8")
        submit.chmod(0o755)
        return cls(_sources(), python, submit)


def _sources() -> Path:
    name = f"snakemake-{version('snakemake')}"
    if (FOLDER / name / "tests" / "tests.py").exists():
        return FOLDER / name
    archive = FOLDER / f"{name}.tar.gz"
    if not archive.exists():
        # Its metadata is made from the sources; setuptools and its like are there already.
        fetch = ("download", "--no-deps", "--no-binary", ":all:", "--no-build-isolation")
        _pip(*fetch, "--dest", str(FOLDER), name.replace("-", "=="))
    # Under another name first: what was cut short must not pass for the whole.
    temporary = FOLDER / "unpacking"
    shutil.rmtree(temporary, ignore_errors=True)
    with tarfile.open(archive) as stream:
        stream.extractall(temporary, filter="tar")
    (temporary / name).rename(FOLDER / name)
    shutil.rmtree(temporary)
    return FOLDER / name


def _environment(whole: bool) -> Path:
    """An environment that sees ours, in which every Snakemake has its executor exchanged."""
    folder = FOLDER / "venv"
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    ours = [f"import site; site.addsitedir({path!r})" for path in site.getsitepackages()]
    # By its path: `tests` is the suite's own package there.
    lines = [*ours, LOAD.format(path=str(Path(exchange.__file__)))]
    (packages / "conformance.pth").write_text("\n".join([*lines, ""]), encoding="utf-8")
    command = folder / "bin" / "snakemake"
    command.write_text(f'#!/bin/sh\nexec {python} -m snakemake "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    if whole:
        _pip("--python", str(python), "install", *NEEDS)
    return python


def _pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no word of it"])[-1]
        raise UnavailableError(f"pip {' '.join(arguments)}: {last}")

"""Wheels and sdists of both distributions, and what has to be in them."""

import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

PROJECT = Path(__file__).parents[2]
EXECUTOR_ROOT = "src/snakemake-executor-plugin-submitit"


class BuildError(Exception):
    """A distribution does not build."""


class ContentsError(Exception):
    """A wheel or an sdist lacks a file, or has one too many."""


@dataclass(frozen=True)
class Distribution:
    """A distribution: where its `pyproject.toml` is, its packages, and what its sdist has besides.

    All paths are relative to the repository, with "/".
    """

    name: str
    root: str
    source: str  # the folder of its packages
    packages: tuple[str, ...]
    beside: tuple[str, ...]  # files and folders of `root` that the sdist has as well

    def wheel_files(self) -> set[str]:
        """What a wheel holds: every file of the packages that git would keep, from the folder of packages."""
        return {
            str(PurePosixPath(path).relative_to(self.source))
            for package in self.packages
            for path in kept(f"{self.source}/{package}")
        }

    def sdist_files(self) -> set[str]:
        """What an sdist holds, from its root: the packages, and what stands beside them."""
        folders = (*(f"{self.source}/{package}" for package in self.packages), *self._beside())
        return {
            str(PurePosixPath(path).relative_to(self.root))
            for folder in folders
            for path in kept(folder)
        }

    def _beside(self) -> Iterator[str]:
        return (str(PurePosixPath(self.root) / name) for name in self.beside)


EXECUTOR = Distribution(
    "snakemake-executor-plugin-submitit",
    EXECUTOR_ROOT,
    EXECUTOR_ROOT,
    ("snakemake_executor_plugin_submitit",),
    ("pyproject.toml", "MANIFEST.in", "README.md", "CHANGELOG.md", "LICENSE", "docs", "tests"),
)
BAKEOFF = Distribution(
    "bakeoff",
    ".",
    "src",
    ("bakeoff", "snakemake_logger_plugin_bars"),
    (
        *("pyproject.toml", "MANIFEST.in", "README.md", "CHANGELOG.md", "LICENSE"),
        # With these a bake-off runs from the unpacked sdist, as from a clone.
        *("Snakefile", "workflow", "config", "profiles"),
        *("environment.yml", "requirements.lock", "requirements-cuda12.lock"),
    ),
)
BOTH = (EXECUTOR, BAKEOFF)


def kept(path: str) -> set[str]:
    """The files below a path of the repository that git has or would add, also uncommitted ones."""
    asked = ("git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", "--", path)
    said = subprocess.run(asked, cwd=PROJECT, check=True, capture_output=True, text=True).stdout
    return {name for name in said.split("\0") if name and (PROJECT / name).exists()}


@dataclass(frozen=True)
class Built:
    """The wheel and the sdist of a distribution."""

    of: Distribution
    wheel: Path
    sdist: Path

    @property
    def version(self) -> str:
        """As the name of the wheel says."""
        return self.wheel.name.split("-")[1]

    def check(self) -> None:
        """Compare the contents with the repository.

        Raises:
            ContentsError: a file is missing, or one is there that nobody asked for.

        """
        metadata = f"{self.wheel.name.split('-')[0]}-{self.version}.dist-info"
        compare(self.wheel.name, wheel_names(self.wheel, metadata), self.of.wheel_files())
        with tarfile.open(self.sdist) as archive:
            names = [PurePosixPath(member.name) for member in archive if member.isfile()]
        inside = {str(PurePosixPath(*name.parts[1:])) for name in names}
        made = {
            name for name in inside if name in ("PKG-INFO", "setup.cfg") or ".egg-info/" in name
        }
        compare(self.sdist.name, inside - made, self.of.sdist_files())

    def rebuild(self, folder: Path) -> "Built":
        """The wheel that pip makes of the sdist alone, as where no wheel fits."""
        make = (sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir")
        subprocess.run([*make, str(folder), str(self.sdist)], check=True)
        return Built(self.of, folder / self.wheel.name, self.sdist)

    def unpack(self, folder: Path) -> Path:
        """Unpack the sdist below a folder; its root."""
        with tarfile.open(self.sdist) as archive:
            archive.extractall(folder, filter="data")
        return folder / self.sdist.name.removesuffix(".tar.gz")


def wheel_names(wheel: Path, metadata: str) -> set[str]:
    """The files of a wheel, without its metadata."""
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if not name.endswith("/")}
    return {name for name in names if PurePosixPath(name).parts[0] != metadata}


def compare(what: str, found: set[str], expected: set[str]) -> None:
    """Raise a ContentsError that names the difference."""
    if found != expected:
        raise ContentsError(
            f"{what}: missing {sorted(expected - found)}, too many {sorted(found - expected)}. "
            "Mend [tool.setuptools] in its pyproject.toml, its MANIFEST.in, or what is said of it "
            "in tests/distributions/built.py."
        )


def build(distribution: Distribution, folder: Path, *options: str) -> Built:
    """Build the sdist, and the wheel from that, into a folder; `options` are those of `python -m build`.

    Raises:
        BuildError: with all that was said.

    """
    with TemporaryDirectory() as clean:
        # setuptools puts into an sdist whatever an earlier build noted in `*.egg-info`; here is none.
        for name in kept(distribution.root):
            copy = Path(clean) / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(PROJECT / name, copy)
        ran = subprocess.run(
            [sys.executable, "-m", "build", "--outdir", str(folder), *options, distribution.root],
            cwd=clean,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
    if ran.returncode:
        raise BuildError(f"{distribution.name} does not build:\n{ran.stdout}")
    name = distribution.name.replace("-", "_")
    (wheel,) = folder.glob(f"{name}-*.whl")
    (sdist,) = folder.glob(f"{name}-*.tar.gz")
    return Built(distribution, wheel, sdist)

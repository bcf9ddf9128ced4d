"""Folders in which Snakemake plans many runs: a bake-off, and as many jobs with nothing to look up."""

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).parents[1]
MADE = 1_800_000_000.0
"""When every file was made, the same for all, so that none is newer than what was made from it."""

HURRIED = """
from snakemake.executors.touch import Executor
Executor.SLEEPING_TIME = 0
from snakemake.cli import main
main()
"""
"""Snakemake, which would wait for a tenth of a second in every job that it only touches."""

CONFIG = """
experiment: many
data:
  source: synthetic
  labels: data/labels.csv
  images: data/images
image: {{size: 128}}
training: {{seeds: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]}}
variants:
  conv: {{model: conv, grid: {{training.lr: {rates}}}}}
"""


@dataclass(frozen=True)
class Planned:
    """A folder in which Snakemake is started, and how."""

    folder: Path
    options: tuple[str, ...]

    def command(self, *more: str) -> list[str]:
        """A start of Snakemake with its options and `more`."""
        return [sys.executable, "-m", "snakemake", *self.options, *more]

    def made(self) -> None:
        """Make every file, and Snakemake's records as if jobs had made it: then there is nothing to do."""
        listed = subprocess.run(
            self.command("--summary"),
            cwd=self.folder, env=compiled(), check=True, capture_output=True, text=True,
        )  # fmt: skip
        for line in listed.stdout.splitlines()[1:]:
            file = self.folder / line.split("\t")[0]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("{}")
            os.utime(file, (MADE, MADE))
        options = ("--touch", "--forceall", "--quiet", "all", "--cores", "10000")
        subprocess.run(
            [sys.executable, "-c", HURRIED, *self.options, *options],
            cwd=self.folder, env=compiled(), check=True, capture_output=True,
        )  # fmt: skip


def compiled() -> dict[str, str]:
    """The environment, in which Python keeps what it compiled, as it does for most who use it."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def bakeoff(folder: Path, runs: int) -> Planned:
    """A bake-off of that many runs, ten seeds a variant."""
    for name in ("Snakefile", "workflow", "profiles"):
        (folder / name).symlink_to(PROJECT / name)
    rates = [float(f"{rate + 1}e-6") for rate in range(runs // 10)]
    (folder / "many.yaml").write_text(CONFIG.format(rates=rates))
    return Planned(folder, ("--configfile", "many.yaml"))


def plain(folder: Path, runs: int) -> Planned:
    """As many jobs and files, written down: startup.smk."""
    (folder / "Snakefile").symlink_to(PROJECT / "benchmarks/startup.smk")
    return Planned(folder, ("--cores", "all", "--config", f"runs={runs}"))


KINDS = {"bakeoff": bakeoff, "plain": plain}


def planned(folder: Path, runs: int) -> Sequence[Planned]:
    """The bake-off and its like, each in a folder of its own below `folder`."""
    both = []
    for name, kind in KINDS.items():
        (folder / name).mkdir()
        both.append(kind(folder / name, runs))
    return both

"""Fresh environments, and what a distribution must do in one: its smoke test."""

import json
import os
import subprocess
import venv
from dataclasses import dataclass
from pathlib import Path

from tests.distributions.built import PROJECT, Built

# What neither the executor nor anything that it brings may bring.
FOREIGN = frozenset({"bakeoff", "mlflow", "mlflow-skinny", "torch", "torchvision", "timm"})
# The demo as it stands, but for sizes: minutes become seconds.
TINY = {
    "experiment": "smoke",
    "data": {"synthetic": {"images": 80, "size": 96}},
    "split": {"train": 40, "val": 20, "test": 20},
    "image": {"size": 80},
    "training": {"epochs": 2, "batch_size": 8, "seeds": [0]},
}


class SmokeError(Exception):
    """Something that was installed does not do what it is for."""


@dataclass(frozen=True)
class Environment:
    """A virtual environment with nothing of this checkout in it."""

    folder: Path

    @classmethod
    def fresh(cls, folder: Path) -> "Environment":
        """Make one, with pip and nothing else."""
        venv.create(folder, with_pip=True)
        return cls(folder)

    @property
    def python(self) -> Path:
        """Its Python."""
        return self.folder / "bin/python"

    def run(self, *command: str | Path, folder: Path) -> str:
        """Run a program of the environment in a folder; what it says.

        Raises:
            SmokeError: it ends with another exit code than 0; its last 60 lines are in the message.

        """
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "SNAKEMAKE"))}
        done = subprocess.run(
            [self.folder / "bin" / command[0], *command[1:]],
            cwd=folder,
            env=kept | {"PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if done.returncode:
            last = "\n".join(done.stdout.splitlines()[-60:])
            raise SmokeError(f"{command}: exit code {done.returncode} in {folder}\n{last}")
        return done.stdout

    def install(self, *what: str | Path) -> None:
        """Install, at the versions of requirements.lock; pip's own word that all fits together."""
        lock = PROJECT / "requirements.lock"
        self.run(
            "python",
            "-m",
            "pip",
            "install",
            "--quiet",
            "--constraint",
            lock,
            *what,
            folder=self.folder,
        )
        self.run("python", "-m", "pip", "check", folder=self.folder)

    def installed(self) -> set[str]:
        """The names of what is installed."""
        said = self.run("python", "-m", "pip", "list", "--format", "json", folder=self.folder)
        return {row["name"].lower() for row in json.loads(said.splitlines()[0])}


def location(environment: Environment, package: str, folder: Path) -> None:
    """Refuse a package that is imported from anywhere but the environment, as seen from a folder."""
    asked = f"import {package}; print({package}.__file__)"
    said = environment.run("python", "-c", asked, folder=folder).strip()
    if not Path(said).is_relative_to(environment.folder):
        raise SmokeError(f"{package} is imported from {said}, not from {environment.folder}.")


def try_executor(executor: Built, folder: Path) -> str:
    """Its own tests, Snakemake's common ones among them, from its sdist, beside Snakemake and pytest alone.

    Returns pytest's last line.
    """
    environment = Environment.fresh(folder / "environment")
    environment.install(executor.wheel)
    if brought := environment.installed() & (FOREIGN | {"snakemake"}):
        raise SmokeError(f"{executor.wheel.name} brings {', '.join(sorted(brought))}.")
    environment.install("snakemake", "pytest")
    tests = executor.unpack(folder) / "tests"
    location(environment, "snakemake_executor_plugin_submitit", tests)
    return environment.run("python", "-m", "pytest", "-q", folder=tests).splitlines()[-1]


def try_bakeoff(bakeoff: Built, executor: Built, folder: Path) -> str:
    """The demo, with smaller numbers, from the unpacked sdist by what the wheels installed.

    Returns the size of the report.
    """
    environment = Environment.fresh(folder / "environment")
    environment.install(bakeoff.wheel, executor.wheel)
    place = bakeoff.unpack(folder)
    for package in ("bakeoff", "snakemake_executor_plugin_submitit"):
        location(environment, package, place)
    environment.run(
        *("snakemake", "--profile", "profiles/local", "--configfile", "config/demo.yaml"),
        *("--config", *(f"{key}={json.dumps(value)}" for key, value in TINY.items())),
        folder=place,
    )
    results = place / "results" / str(TINY["experiment"])
    for variant in ("conv", "conv_bn"):
        if not (results / "runs" / variant / "seed-0" / "metrics.json").is_file():
            raise SmokeError(f"{results}: the demo ended without the metrics of {variant}.")
    return f"a report of {(results / 'report.html').stat().st_size / 1e6:.1f} MB"

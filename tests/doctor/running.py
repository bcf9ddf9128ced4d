"""Running the doctor as a person does, and breaking a folder for it or for its job."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from tests.config.test_experiment import config
from tests.photographs import photographs

BIN = Path(sys.executable).parent
DOCTOR = (sys.executable, "-m", "bakeoff", "doctor")


def environment(**over: str) -> dict[str, str]:
    """The environment of an activated venv, without what this machine may say of SLURM."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("SBATCH_")}
    return kept | {"PATH": f"{BIN}:{os.environ['PATH']}"} | over


def doctor(
    folder: Path, *arguments: str, prefix: tuple[str, ...] = (), **over: str
) -> "subprocess.CompletedProcess[str]":
    """Run the command in a folder; its findings are in stdout."""
    return subprocess.run(
        [*prefix, *DOCTOR, *arguments],
        cwd=folder,
        env=environment(**over),
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


def configuration(folder: Path, **over: object) -> str:
    """The path of an experiment's configuration, its data in `folder`, its results in `folder`/results."""
    path = folder / "config.yaml"
    (folder / "results").mkdir(exist_ok=True)
    table = photographs(folder, rows=12)
    data = {"labels": str(table), "images": str(folder / "photos"), "patient_column": None}
    data |= {"image_column": "image", "label_column": "label"}
    data |= {"negative": ["intact"], "positive": ["crack"]}
    small = {"train": 6, "val": 3, "test": 3}
    values = config(results=str(folder / "results"), **{"data": data, "split": small, **over})
    path.write_text(yaml.safe_dump(values))
    return str(path)


def way_out(said: str, found: str) -> str:
    """The line after the one that contains `found`, which has to be there."""
    lines = said.splitlines()
    index = next((number for number, line in enumerate(lines) if found in line), None)
    assert index is not None, f"{found!r} was not said:\n{said}"
    assert index + 1 < len(lines) and lines[index + 1].strip().startswith("->"), said
    return lines[index + 1]


@contextmanager
def mounted(folder: Path, options: str) -> Iterator[None]:
    """A file system of its own at `folder`."""
    command = ["mount", "-t", "tmpfs", "-o", options, "none", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        reason = f"nothing can be mounted here: {done.stderr.strip()}"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)

"""`make setup CUDA=12`: which lock the environment has, and that every later `make` keeps to it."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
EXECUTOR = "src/snakemake-executor-plugin-submitit/pyproject.toml"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A clone whose environment is there, with a Python that writes down what it is asked for."""
    folder = tmp_path / "project"
    (folder / ".venv/bin").mkdir(parents=True)
    (folder / EXECUTOR).parent.mkdir(parents=True)
    shutil.copytree(PROJECT / "profiles", folder / "profiles")
    locks = [file.name for file in PROJECT.glob("requirements*.lock")]
    for name in ("Makefile", "pyproject.toml", EXECUTOR, *locks):
        shutil.copy(PROJECT / name, folder / name)
    python = folder / ".venv/bin/python"
    python.write_text(f'#!/bin/sh\necho "$@" >> {folder}/asked\n')
    python.chmod(0o755)
    (folder / ".venv/bin/activate").touch()
    (folder / ".venv/.installed").touch()
    return folder


def setup(project: Path, *arguments: str, **variables: str) -> list[str]:
    """What pip was asked for: removed packages, then the lock."""
    (project / "asked").write_text("")
    environment = {**os.environ, "XDG_CONFIG_HOME": str(project / "home"), **variables}
    subprocess.run(["make", "setup", *arguments], cwd=project, env=environment, check=True)
    return (project / "asked").read_text().splitlines()


def test_the_environment_goes_to_another_lock_only_when_told(project: Path) -> None:
    assert setup(project) == []
    removed, installed, _ours = setup(project, "CUDA=12")
    words = removed.split()
    # The two lie in the same folders: whichever came last would be what torch finds.
    assert "uninstall" in words and {"torch", "triton", "nvidia-cublas"} <= {*words}
    assert "numpy" not in words and installed.endswith("-r requirements-cuda12.lock")
    # As a cluster's module sets it.
    assert setup(project, CUDA="/usr/local/cuda") == []
    removed, installed, _ours = setup(project, "CUDA=")
    assert "nvidia-cublas-cu12" in removed and installed.endswith("-r requirements.lock")
    assert setup(project) == []
    done = subprocess.run(
        ["make", "setup", "CUDA=11"], cwd=project, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0 and "requirements-cuda12.lock" in done.stderr

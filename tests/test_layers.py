"""No import runs from a room up into one above it: the contracts in pyproject.toml, by import-linter."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
EXECUTOR = "src/snakemake-executor-plugin-submitit"


def lint(tree: Path) -> "subprocess.CompletedProcess[str]":
    """import-linter's word on the packages in `tree`, by the contracts there."""
    places = os.pathsep.join(str(tree / place) for place in ("src", EXECUTOR))
    program = Path(sys.executable).with_name("lint-imports")
    return subprocess.run(
        [program, "--no-cache"],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": places},
        capture_output=True,
        text=True,
    )


def test_every_import_runs_down() -> None:
    found = lint(ROOT)
    assert found.returncode == 0, found.stdout


def test_an_import_that_runs_up_is_named(tmp_path: Path) -> None:
    python = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=python)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for file, line in (
        ("src/bakeoff/models/conv.py", "from bakeoff.training.stop import Stopped"),
        ("src/bakeoff/tracking/journal/events.py", "import bakeoff.tracking.mlflow.health"),
        (f"{EXECUTOR}/snakemake_executor_plugin_submitit/layout.py", "import bakeoff.errors"),
    ):
        with (tmp_path / file).open("a", encoding="utf-8") as stream:
            stream.write(f"\n{line}\n")
    for place in ("nowhere.py", "tracking/nowhere.py"):
        (tmp_path / "src/bakeoff" / place).write_text('"""A module that no layer names."""\n')
    found = lint(tmp_path)
    assert found.returncode != 0
    for broken in (
        "bakeoff.models.conv -> bakeoff.training.stop",
        "bakeoff.tracking.journal.events -> bakeoff.tracking.mlflow.health",
        "snakemake_executor_plugin_submitit.layout -> bakeoff.errors",
        "- bakeoff.nowhere",
        "- bakeoff.tracking.nowhere",
    ):
        assert broken in found.stdout, found.stdout

"""A small bake-off run for real by Snakemake, and a way to ask what it would run again."""

import json
import os
import pty
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

import pytest
import yaml

from tests.cluster.fixtures import locked
from tests.drawn import draw_kind
from tests.kept.pack import ARCHIVE
from tests.workflow.kinds import VARIANTS as KINDS
from tests.workflow.kinds import values

PROJECT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Workflow:
    """A working directory with a configuration and a copy of the code that the jobs import."""

    folder: Path
    config: dict[str, Any]

    def snakemake(
        self, *arguments: str, check: bool = True, out: IO[str] | None = None
    ) -> "subprocess.CompletedProcess[str]":
        """Run Snakemake here, what it says into `out`; its jobs find this copy of the code."""
        options = ("--configfile", "config.yaml", *arguments)
        return self._run("snakemake", *options, check=check, out=out)

    def on_a_terminal(self, *arguments: str) -> tuple[int, str]:
        """Run Snakemake as `snakemake` does on a terminal, bars and all: exit status, what it showed."""
        self.write_config()
        ours, its = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "-m", "snakemake", "--configfile", "config.yaml", *arguments],
            cwd=self.folder,
            env={**self.environment, "TERM": "xterm", "COLUMNS": "100", "LINES": "40"},
            stdin=its,
            stdout=its,
            stderr=its,
            start_new_session=True,
        )
        os.close(its)
        shown = bytearray()
        with (
            os.fdopen(ours, "rb", buffering=0) as terminal,
            suppress(OSError),
        ):  # EIO: nobody is left
            while read := terminal.read(65_536):
                shown += read
        return process.wait(), shown.decode(errors="replace")

    def bakeoff(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run a stage by its command."""
        return self._run("bakeoff", *arguments, check=True)

    def _run(
        self, module: str, *arguments: str, check: bool, out: IO[str] | None = None
    ) -> "subprocess.CompletedProcess[str]":
        self.write_config()
        done = subprocess.run(
            [sys.executable, "-m", module, *arguments],
            cwd=self.folder,
            env=self.environment,
            stdout=out or subprocess.PIPE,
            stderr=out or subprocess.PIPE,
            text=True,
        )
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    def write_config(self) -> None:
        """Write the configuration to where `snakemake` here finds it."""
        text = yaml.safe_dump(self.config, sort_keys=False)  # their order is that of the report
        (self.folder / "config.yaml").write_text(text)

    @property
    def environment(self) -> dict[str, str]:
        """In which jobs import this copy of the code, and send to a store beside it."""
        return {
            **os.environ,
            "MLFLOW_TRACKING_URI": f"sqlite:///{self.folder / 'mlflow.db'}",
            "PYTHONPATH": str(self.folder / "src"),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        }

    def would_run(self, *arguments: str) -> dict[str, int]:
        """How many jobs of each rule a dry run announces."""
        said = self.snakemake("-n", "--quiet", "rules", *arguments)
        rows = re.findall(r"^(\w+) +(\d+)$", said.stdout + said.stderr, flags=re.MULTILINE)
        return {rule: int(count) for rule, count in rows if rule not in ("total", "all")}

    def with_config(self, **changes: Any) -> "Workflow":
        """The same working directory with another configuration."""
        return replace(self, config={**self.config, **changes})

    @property
    def results(self) -> Path:
        return self.folder / "results/small"


SAID = "said.txt"
"""What Snakemake said when it made the finished bake-off."""

CONFIG = {
    "experiment": "small",
    "data": {
        "source": "synthetic",
        "labels": "data/sample_labels.csv",
        "images": "data/images",
        "synthetic": {"images": 80, "size": 96},
    },
    "split": {"train": 40, "val": 20, "test": 20},
    "image": {"size": 80},
    "training": {"epochs": 2, "batch_size": 8, "lr": 1e-3},
    "variants": {"conv": {"model": "conv"}, "conv_bn": {"model": "conv", "norm": "batch"}},
}


def small(folder: Path) -> Workflow:
    """A small bake-off in a new folder: a checkout of git, which does not know its configuration."""
    folder.mkdir()
    for part in ("src", "workflow", "profiles"):
        shutil.copytree(PROJECT / part, folder / part)
    for file in ("Snakefile", "README.md", "environment.yml", ".gitignore"):
        shutil.copy(PROJECT / file, folder)
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "A small bake-off")
    return Workflow(folder, CONFIG)


def git(folder: Path, *arguments: str) -> str:
    """Run git in a folder, as somebody; what it says."""
    who = ("-c", "user.name=Somebody", "-c", "user.email=somebody@example.org")
    done = subprocess.run(["git", *who, *arguments], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], Workflow]) -> Workflow:
    """What `make` makes in a folder, once for all of xdist's workers, copied for this one."""
    own = factory.getbasetemp()
    made = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / name
    with locked(made.with_suffix(".lock")):
        complete = made.with_suffix(".complete")
        if not complete.exists():
            shutil.rmtree(made, ignore_errors=True)
            complete.write_text(json.dumps(make(made).config))
    workflow = Workflow(made, json.loads(complete.read_text()))
    return copy(workflow, factory.mktemp("workflow") / name)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Workflow:
    """A bake-off that ran to its end; tests change no result of it."""

    def make(folder: Path) -> Workflow:
        workflow = small(folder)
        done = workflow.snakemake("--cores", "2")
        (folder / SAID).write_text(done.stdout + done.stderr)
        return workflow

    return once(tmp_path_factory, "finished", make)


@pytest.fixture(scope="session", params=KINDS)
def of_a_kind(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Workflow:
    """A bake-off of classes, and one of findings, that ran to its end; tests change no result of it."""

    def make(folder: Path) -> Workflow:
        made = small(folder)
        draw_kind(request.param, folder / "data")
        workflow = Workflow(made.folder, values(request.param))
        workflow.snakemake("--cores", "2")
        return workflow

    return once(tmp_path_factory, request.param, make)


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Workflow:
    """A bake-off that an earlier commit finished, beside the code of now, elsewhere than it was made."""
    folder = tmp_path_factory.mktemp("elsewhere") / "kept"
    small(folder)
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(folder, filter="tar")
    return Workflow(folder, yaml.safe_load((folder / "kept.yaml").read_text()))


@pytest.fixture
def copied(finished: Workflow, tmp_path: Path) -> Workflow:
    """A finished bake-off of the test's own."""
    return copy(finished, tmp_path / "workflow")


def copy(workflow: Workflow, folder: Path) -> Workflow:
    """The same bake-off elsewhere, with every file as old as it was."""
    # What a sender of a run is writing at this moment may be gone before it is copied.
    ignored = shutil.ignore_patterns(".journal.*")
    shutil.copytree(workflow.folder, folder, symlinks=True, ignore=ignored)
    return replace(workflow, folder=folder)

"""A workflow in a folder, and the real Snakemake that runs it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

COUNTING = Path(__file__).with_name("counting.py")


class Workflow:
    """One working directory with a Snakefile."""

    def __init__(self, folder: Path, cluster: str, env: dict[str, str] | None = None) -> None:
        self.folder = folder
        self._output = folder / "output.txt"
        self.hold = folder / "hold"  # while it is there, counting jobs wait before their last step
        self._env = env
        self.hiding: dict[str, str] = {}  # variables besides those of the test
        self.cluster = cluster
        self.process: subprocess.Popen[str] | None = None

    @property
    def env(self) -> dict[str, str]:
        """The environment of Snakemake."""
        return (self._env or dict(os.environ)) | self.hiding

    def write(self, snakefile: str) -> None:
        """Write the Snakefile; COUNT stands for the counting workload."""
        text = dedent(snakefile).replace("COUNT", f"{sys.executable} {COUNTING}")
        (self.folder / "Snakefile").write_text(text)

    def command(self, *arguments: str) -> list[str]:
        """The command line of Snakemake with this executor."""
        return [
            *(sys.executable, "-m", "snakemake", "--executor", "submitit"),
            *("--submitit-cluster", self.cluster, "--submitit-poll", "0.2"),
            *("--submitit-silence", "6"),
            *("--rerun-incomplete", "--nocolor", "--latency-wait", "3"),
            *(arguments if "--jobs" in arguments else (*arguments, "--jobs", "50")),
        ]

    def run(self, *arguments: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """Run Snakemake to its end; its output is in stdout."""
        return subprocess.run(
            self.command(*arguments),
            cwd=self.folder,
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
            check=False,
        )

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start Snakemake; its output goes to `output.txt` in its first folder."""
        with self._output.open("a") as output:
            self.process = subprocess.Popen(
                self.command(*arguments),
                cwd=self.folder,
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
                env=self.env | {"PYTHONUNBUFFERED": "1"},
            )
        return self.process

    def wait_for(self, condition: Callable[[], object], what: str, seconds: float = 90) -> None:
        """Wait until something holds while the started Snakemake runs."""
        deadline = time.monotonic() + seconds
        while not condition():
            ended = self.process is not None and self.process.poll() is not None
            assert not ended and time.monotonic() < deadline, f"{what}: no\n{self.output}"
            time.sleep(0.1)

    def end(self) -> None:
        """Kill the started Snakemake if it still runs, as a power loss would."""
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.process = None

    @property
    def output(self) -> str:
        """What started Snakemakes have said."""
        return self._output.read_text()

    def read(self, name: str) -> str:
        """The text of a file, empty while there is none."""
        path = self.folder / name
        return path.read_text() if path.exists() else ""

    def notes(self, name: str, kind: str) -> list[str]:
        """What the counting workload noted: its starts, steps and savings."""
        lines = self.read(f"{name}.notes").splitlines()
        return [line for line in lines if line.startswith(kind)]

    def submissions(self) -> list[str]:
        """The names of the submissions' folders that are left."""
        root = self.folder / ".snakemake" / "submitit"
        return sorted(path.name for path in root.iterdir() if path.name[:1].isdigit())

    def logs(self) -> str:
        """All job logs, for the message of a failed assertion."""
        return "\n".join(path.read_text() for path in self.folder.rglob("*_log.out"))


def stand_in(folder: Path, name: str, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a script in the place of a command of SLURM, below `folder`, first on the PATH."""
    path = folder / "bin" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/bash\n{script}\n")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{path.parent}:{os.environ['PATH']}")

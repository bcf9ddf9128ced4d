"""Where the plugin keeps its files; everything is private to the user.

- `<root>/registry/<identity>.json`: which submission stands for a job's outputs
- `<root>/done/<key>.json`: what became of a submission, written by the job itself
- `<root>/<submission>/`: one folder per sbatch with its script, pickles and logs, and for every
  job `<index>.json` with what to run and `<index>.notice`
- `<logdir>/<submission>/`: the logs, where the user wants them elsewhere
"""

import os
import time
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4


@dataclass(frozen=True)
class Layout:
    """The plugin's folder of one working directory."""

    root: Path
    logdir: Path | None = None  # of the logs, where they do not lie with the rest

    @classmethod
    def create(cls, folder: Path, logdir: str = "") -> "Layout":
        """Make the folders, readable by the user only."""
        logs = expanded(logdir) if logdir else None
        layout = cls(folder.absolute(), logs)
        for path in (layout.root, layout.registry, layout.done):
            private(path)
        return layout

    @property
    def registry(self) -> Path:
        """One record per job that was handed over and not yet reported to Snakemake."""
        return self.root / "registry"

    @property
    def done(self) -> Path:
        """One record per submission that ended; the only folder that is looked at often."""
        return self.root / "done"

    def outcome(self, key: str) -> Path:
        """The record that a job leaves when it ends."""
        return self.done / f"{key}.json"

    def new_submission(self, name: str) -> Path:
        """A fresh folder for one sbatch; its last part is unique, so SLURM can be asked for it."""
        stamp = time.strftime("%Y%m%d-%H%M%S")
        folder = self.root / f"{stamp}-{name[:60]}-{uuid4().hex[:8]}"
        private(folder)
        if self.logdir is not None:
            private(self.logs_of(folder))
        return folder

    def logs_of(self, submission: Path) -> Path:
        """Where a submission's logs lie; its name is in their path, so SLURM can be asked for it."""
        return submission if self.logdir is None else self.logdir / submission.name


def expanded(logdir: str) -> Path:
    """The log folder as a user writes it, with variables and `~`, as an absolute path."""
    return Path(os.path.expandvars(logdir)).expanduser().absolute()


def log_in(logs: Path, job_id: str) -> Path:
    """A job's log in its submission's folder of logs, as submitit names it."""
    return logs / f"{job_id}_0_log.out"


def private(path: Path) -> None:
    """Make a folder that only its owner can enter, whatever the umask."""
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.chmod(0o700)

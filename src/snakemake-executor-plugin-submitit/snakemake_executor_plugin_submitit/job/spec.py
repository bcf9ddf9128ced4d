"""What a job has to run, written as JSON beside its log so that a person can read it."""

from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from snakemake_executor_plugin_submitit import records

Verdict = Literal["done", "failed", "again", "superseded"]


@dataclass(frozen=True)
class JobSpec:
    """One job: its command, and what has to be done before and after it."""

    key: str  # unique for a submission
    identity: str  # the same for every submission that makes the same outputs
    name: str
    root: str
    workdir: str
    command: str
    nested: bool  # the command starts a Snakemake that prepares and cleans up by itself
    services: bool = False  # of the rules inside, some end by SIGTERM alone
    shell: str = "/bin/bash"
    environment: dict[str, str] = field(default_factory=dict)
    declared: list[str] = field(default_factory=list)  # variables to inherit, by name
    inputs: list[str] = field(default_factory=list)  # waited for, as file systems are slow
    remove: list[str] = field(default_factory=list)  # outputs and logs of an earlier try
    remove_folders: list[str] = field(default_factory=list)  # outputs declared as directories
    folders: list[str] = field(default_factory=list)  # created before the command
    latency: float = 5  # seconds to wait for inputs
    temporary_folder: bool = False  # set TMPDIR to the node's, as Snakemake's resource does
    runtime: float | None = None  # minutes
    notice: float = 90  # seconds before the time limit
    timeouts: int = 10
    beat: float = 10  # seconds between two signs of life
    signal: int = 0  # sent by SLURM to all processes before the limit, as slurm_extra asks
    requeue: bool = True  # False: lost or taken away, it fails, unless its rule saved
    launcher: str = ""  # starts the tasks of a job that has several
    rename: bool = False  # the array has a name of its own
    logs: str = ""  # the folder of its log, where that is not the specification's

    def write(self, path: Path) -> None:
        """Write the specification to `path`."""
        records.write(path, asdict(self))

    @classmethod
    def read(cls, path: Path) -> "JobSpec":
        """Read a specification; keys of a newer version are ignored."""
        values = records.read(path)
        if values is None:
            raise FileNotFoundError(f"{path}: the job's specification is missing or unreadable")
        known = {item.name for item in fields(cls)}
        return cls(**{name: value for name, value in values.items() if name in known})


@dataclass(frozen=True)
class Outcome:
    """What became of a job, in its own words."""

    verdict: Verdict
    reason: str = ""  # empty, or why it failed or has to run again
    exit_code: int = 0
    node: str = ""
    job_id: str = ""
    log: str = ""
    started: float = 0.0
    finished: float = 0.0
    saved: bool = False
    hopeless: bool = False  # it said that it would fail in the same way again
    usage: dict[str, float] = field(default_factory=dict)  # see usage.py; empty in older records

    def write(self, path: Path) -> None:
        """Write the outcome to `path`."""
        records.write(path, asdict(self))

    @classmethod
    def read(cls, path: Path) -> "Outcome | None":
        """The outcome in `path`, or None where the job has not ended."""
        values: dict[str, Any] | None = records.read(path)
        if values is None:
            return None
        known = {item.name for item in fields(cls)}
        return cls(**{name: value for name, value in values.items() if name in known})

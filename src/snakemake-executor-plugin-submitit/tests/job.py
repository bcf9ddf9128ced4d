"""A job as SLURM would run it: its folder, its entry in the registry, the processes that run it."""

import os
import subprocess
import sys
from pathlib import Path

from snakemake_executor_plugin_submitit import records
from snakemake_executor_plugin_submitit.job.spec import JobSpec
from snakemake_executor_plugin_submitit.layout import Layout

BEAT = 0.3
Worker = "snakemake_executor_plugin_submitit.job.worker import Worker"


class Job:
    """A job's folder, its entry in the registry, and the processes that run it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.layout = Layout.create(folder / "submitit")
        self.place = self.layout.new_submission("job")
        self.runs: list[subprocess.Popen[bytes]] = []

    def start(
        self, command: str, beat: float = BEAT, runtime: int | None = None, **variables: str
    ) -> "subprocess.Popen[bytes]":
        """Run it as a job of SLURM's would, as often as one likes."""
        self.enter(key="first")
        self.specify(command, beat, runtime)
        run = f"from {Worker}; import sys; print(Worker(sys.argv[1])())"
        environment = os.environ | {"SUBMITIT_EXECUTOR": "slurm", "SLURM_JOB_ID": "7"} | variables
        with (self.folder / "log").open("ab") as log:
            self.runs.append(
                subprocess.Popen(
                    [sys.executable, "-c", run, str(self.place / "0.json")],
                    env=environment,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            )
        return self.runs[-1]

    def specify(self, command: str, beat: float = BEAT, runtime: int | None = None) -> None:
        """What it is told to do."""
        spec = JobSpec(
            key="first", identity="it", name="job", root=str(self.layout.root),
            workdir=str(self.folder), command=command, nested=False, beat=beat, runtime=runtime,
        )  # fmt: skip
        spec.write(self.place / "0.json")

    def enter(self, key: str, cancelled: bool = False) -> None:
        """What the registry says of the job's outputs."""
        entry = {"identity": "it", "key": key, "cancelled": cancelled}
        records.write(self.layout.registry / "it.json", entry)

    def lines(self) -> list[str]:
        """What the command wrote."""
        path = self.folder / "trace"
        return path.read_text().split() if path.exists() else []

    def log(self) -> str:
        """What the job said."""
        return (self.folder / "log").read_text()

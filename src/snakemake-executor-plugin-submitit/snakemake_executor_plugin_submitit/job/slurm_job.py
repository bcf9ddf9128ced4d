"""SLURM as a job sees it from inside: who am I, when does my time end, requeue me."""

import os
import re
import shutil
import socket
import time
from dataclasses import dataclass
from datetime import datetime

from snakemake_executor_plugin_submitit.job.notice import say
from snakemake_executor_plugin_submitit.slurm import commands
from snakemake_executor_plugin_submitit.slurm.commands import (
    MissingError,
    RefusedError,
    UnreachableError,
)

# A signal to the whole job also ends the command that asks what it means; SLURM sends few.
TIMES = 3


@dataclass(frozen=True)
class InsideJob:
    """The job that this process runs in; every question may go unanswered, as in a container."""

    @property
    def job_id(self) -> str:
        """The id as users see it: 12, or 12_3 in an array; a process id without SLURM.

        SLURM_JOB_ID would not do: for one job of an array it is the id of the whole array.
        """
        if not self.on_slurm:
            names = ("SUBMITIT_LOCAL_JOB_ID", "SUBMITIT_DEBUG_JOB_ID")
            return next((os.environ[name] for name in names if name in os.environ), "")
        array, index = os.environ.get("SLURM_ARRAY_JOB_ID"), os.environ.get("SLURM_ARRAY_TASK_ID")
        return f"{array}_{index}" if array and index else os.environ["SLURM_JOB_ID"]

    @property
    def on_slurm(self) -> bool:
        """Whether submitit started this job through SLURM, and not inside somebody's allocation."""
        return os.environ.get("SUBMITIT_EXECUTOR") == "slurm"

    @property
    def node(self) -> str:
        """The node's name."""
        return os.environ.get("SLURMD_NODENAME") or socket.gethostname()

    @property
    def restarted(self) -> bool:
        """Whether SLURM has requeued this job before."""
        return self.on_slurm and os.environ.get("SLURM_RESTART_COUNT", "0") != "0"

    def describe(self) -> dict[str, str]:
        """What `scontrol show job` says, by key; empty when there is no answer."""
        if not self.on_slurm:
            return {}
        text = _ask("scontrol", "show", "job", "--oneliner", self.job_id)
        return dict(re.findall(r"(\S+?)=(\S*)", text or ""))

    def time_limit_at(self) -> float | None:
        """When SLURM will end this job, in seconds since 1970, as far as it says so."""
        end = self.describe().get("EndTime", "")
        try:
            return datetime.fromisoformat(end).timestamp()
        except ValueError:
            return None

    def requeue(self) -> bool:
        """Ask SLURM to run this job again later; False when it cannot be asked or refuses."""
        deadline = time.monotonic() + 60
        while self.on_slurm:
            answer = _ask("scontrol", "requeue", self.job_id)
            if answer is not None:
                return True
            if time.monotonic() > deadline or not shutil.which("scontrol"):
                return False
            time.sleep(5)
        return False

    def rename(self, name: str) -> None:
        """Give this member of an array its own name, for whoever looks at the queue."""
        if self.on_slurm:
            _ask("scontrol", "update", f"jobid={self.job_id}", f"name={name}")


def _ask(*command: str) -> str | None:
    for _ in range(TIMES):
        try:
            return commands.run(*command, timeout=30)
        except MissingError:
            return None
        except UnreachableError as error:
            say(f"{error} ({' '.join(command)})")
            if not isinstance(error, RefusedError) or error.code >= 0:
                return None
    return None

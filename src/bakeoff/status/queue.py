"""Which runs wait or begin in SLURM: by the executor's own records and `squeue`.

The records of `snakemake_executor_plugin_submitit` are JSON files with a `job_id`, one per job that was
handed over, each under a hash of what the job makes: two experiments of one working directory name
their jobs alike. Without them, or without SLURM, nothing is known of a queue.
"""

import json
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from bakeoff.commands import ask
from bakeoff.layout import Layout
from snakemake_executor_plugin_submitit import environment
from snakemake_executor_plugin_submitit.identity import identity_of_outputs

RECORDS = Path(".snakemake/submitit/registry")
"""Where the executor keeps them, below the working directory."""

WAITING = ("PENDING", "CONFIGURING", "SUSPENDED", "REQUEUED", "REQUEUE_HOLD")


def queued(
    runs: Iterable[tuple[str, int]], layout: Layout, records: Path = RECORDS
) -> dict[tuple[str, int], str]:
    """What SLURM says of each run (variant, seed) that waits or has begun: `PENDING: Priority, job 7_2`."""
    wanted = {}
    for variant, seed in runs:
        if job_id := _job_id(records / f"{identity(layout, variant, seed)}.json"):
            wanted[job_id] = (variant, seed)
    if not wanted or shutil.which("squeue") is None:
        return {}
    said = {}
    for job_id, state, reason in _squeue():
        if job_id in wanted and (state in WAITING or state == "RUNNING"):
            why = f": {reason}" if reason not in ("None", "") else ""
            said[wanted[job_id]] = f"{state}{why}, SLURM job {job_id}"
    return said


def identity(layout: Layout, variant: str, seed: int) -> str:
    """What the executor calls the job that trains a run: by the outputs of the rule `train`."""
    folder = layout.run(variant, seed)
    return identity_of_outputs([str(folder.best), str(folder.run_json)])


def _job_id(record: Path) -> str:
    """The job id in a record; empty where there is none yet, or it is of another version."""
    try:
        return str(json.loads(record.read_text(encoding="utf-8"))["job_id"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _squeue() -> Iterable[tuple[str, str, str]]:
    """Id, state and reason of each of the user's jobs; nothing where squeue does not answer."""
    # By number, and without what people set for their own squeue: both would hide jobs from this one.
    answer = ask("squeue", "--all", f"--user={os.getuid()}", "--noheader", "--array",
                 "--format=%i|%T|%r", env=environment.of_questions(environment.place()))  # fmt: skip
    for line in answer.text.splitlines():
        job_id, state, reason = [*line.strip().split("|"), "", ""][:3]
        yield job_id, state, reason

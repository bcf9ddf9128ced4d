"""Which runs wait or begin in SLURM: by the executor's own records and `squeue`.

The records of `snakemake_executor_plugin_submitit` are JSON files with `name` and `job_id`, one per job that
was handed over. Without them, or without SLURM, nothing is known of a queue, and that is said.
"""

import json
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from bakeoff.commands import ask
from snakemake_executor_plugin_submitit import environment

RECORDS = Path(".snakemake/submitit/registry")
"""Where the executor keeps them, below the working directory."""

WAITING = ("PENDING", "CONFIGURING", "SUSPENDED", "REQUEUED", "REQUEUE_HOLD")


def queued(runs: Iterable[tuple[str, int]], records: Path = RECORDS) -> dict[tuple[str, int], str]:
    """What SLURM says of each run (variant, seed) that waits or has begun: `PENDING: Priority, job 7_2`."""
    from snakemake_executor_plugin_submitit.naming import job_name

    jobs = _job_ids(records)
    names = {
        job_name("train", {"variant": variant, "seed": str(seed)}): (variant, seed)
        for variant, seed in runs
    }
    wanted = {jobs[name]: run for name, run in names.items() if name in jobs}
    if not wanted or shutil.which("squeue") is None:
        return {}
    said = {}
    for job_id, state, reason in _squeue():
        if job_id in wanted and (state in WAITING or state == "RUNNING"):
            why = f": {reason}" if reason not in ("None", "") else ""
            said[wanted[job_id]] = f"{state}{why}, SLURM job {job_id}"
    return said


def _job_ids(records: Path) -> dict[str, str]:
    """The job ids of the records, by the jobs' names."""
    found = {}
    for file in records.glob("*.json"):
        try:
            entry = json.loads(file.read_text(encoding="utf-8"))
            if entry["job_id"]:
                found[str(entry["name"])] = str(entry["job_id"])
        except (OSError, ValueError, KeyError, TypeError):
            continue  # being written, or of another version
    return found


def _squeue() -> Iterable[tuple[str, str, str]]:
    """Id, state and reason of each of the user's jobs; nothing where squeue does not answer."""
    # By number, and without what people set for their own squeue: both would hide jobs from this one.
    answer = ask("squeue", "--all", f"--user={os.getuid()}", "--noheader", "--array",
                 "--format=%i|%T|%r", env=environment.of_questions(environment.place()))  # fmt: skip
    for line in answer.text.splitlines():
        job_id, state, reason = [*line.strip().split("|"), "", ""][:3]
        yield job_id, state, reason

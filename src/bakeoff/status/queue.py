"""What waits or begins in SLURM: by the executor's own records and `squeue`.

The records of `snakemake_executor_plugin_submitit` are JSON files with a `job_id`, one per job that was
handed over, each under a hash of what the job makes: two experiments of one working directory name
their jobs alike. Without them nothing is known of a queue; with them, and a SLURM that does not answer,
it is known that something is not known. Where there is no squeue, the folders are all there is.
"""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from bakeoff.commands import PATIENCE, ask
from bakeoff.layout import RunFolder
from snakemake_executor_plugin_submitit.registry.identity import identity_of_outputs
from snakemake_executor_plugin_submitit.slurm import environment
from snakemake_executor_plugin_submitit.slurm.queries import LINE

RECORDS = Path(".snakemake/submitit/registry")
"""Where the executor keeps them, below the working directory."""

WAITING = ("PENDING", "CONFIGURING", "SUSPENDED", "REQUEUED", "REQUEUE_HOLD")


@dataclass(frozen=True)
class Queue:
    """What SLURM says of the jobs of some folders, and what it does not say."""

    descriptions: Mapping[RunFolder, str]  # `PENDING: Priority, SLURM job 7_2`
    unanswered: Mapping[RunFolder, str]  # the job's id
    error: str  # why there are unanswered ones, in SLURM's words
    unasked: Mapping[RunFolder, str]  # the job's id, where no squeue is here


def queued(
    folders: Iterable[RunFolder],
    records: Path = RECORDS,
    packs: Mapping[RunFolder, Path] = MappingProxyType({}),
) -> Queue:
    """Which of these runs and pretrainings wait in SLURM or have begun, by their folders.

    `packs` are the files that the jobs make which train several runs, by the folders of these.
    """
    wanted: dict[str, dict[str, list[RunFolder]]] = {}  # by cluster, by job
    for folder in folders:
        of_pack = [identity_of_outputs([str(packs[folder])])] if folder in packs else []
        # A run that failed in its pack has a job of its own as well.
        for name in [*of_pack, identity(folder)]:
            job_id, place = _job(records / f"{name}.json")
            if job_id:
                jobs = wanted.setdefault(place or environment.place(), {})
                jobs.setdefault(job_id, []).append(folder)
    descriptions, unanswered, errors = {}, {}, []
    unasked: dict[RunFolder, str] = {}
    for place, jobs in wanted.items():
        answer = _squeue(place)
        if answer is None:
            unasked |= {folder: job_id for job_id, of_job in jobs.items() for folder in of_job}
            continue
        found, error = answer
        for job_id, folder in ((job_id, one) for job_id, of_job in jobs.items() for one in of_job):
            state, reason = found.get(job_id, ("", ""))
            if state in WAITING or state == "RUNNING":
                why = f": {reason}" if reason not in ("None", "") else ""
                descriptions[folder] = f"{state}{why}, SLURM job {job_id}"
            elif error and not state:
                unanswered[folder] = job_id
        errors += [error] if error else []
    return Queue(descriptions, unanswered, "; ".join(dict.fromkeys(errors)), unasked)


def identity(folder: RunFolder) -> str:
    """What the executor calls the job that trains: by the outputs of the rule `train` or `pretrain`."""
    return identity_of_outputs([str(folder.best), str(folder.run_json)])


def _job(record: Path) -> tuple[str, str]:
    """The id in a record and the cluster that was chosen for it; empty where SLURM has no such job yet."""
    try:
        entry = json.loads(record.read_text(encoding="utf-8"))
        # Where jobs run on this machine, its folder tells all.
        if entry.get("cluster", "slurm") != "slurm":
            return "", ""
        return str(entry["job_id"]), str(entry.get("place") or "")
    except (OSError, ValueError, KeyError, TypeError, AttributeError):  # or of another version
        return "", ""


def _squeue(place: str) -> tuple[dict[str, tuple[str, str]], str] | None:
    """State and reason of each of the user's jobs, by id; and why there may be more.

    None where there is no squeue: of a copy of the folder on a laptop, nothing else is to be known.
    """
    # By number, and without what people set for their own squeue: both would hide jobs from this one.
    answer = ask("squeue", "--all", f"--user={os.getuid()}", "--noheader", "--array",
                 "--format=%i|%T|%r", env=environment.of_questions(place), patience=PATIENCE)  # fmt: skip
    if answer.missing:
        return None
    if answer.error:
        return {}, answer.error
    found, strange = {}, ""
    for line in filter(None, map(str.strip, answer.text.splitlines())):
        if LINE.fullmatch(f"{line}|"):
            job_id, state, reason = [*line.split("|"), "", ""][:3]
            found[job_id] = (state, reason)
        elif not line.startswith("CLUSTER: "):  # the heading where a cluster is named
            strange = strange or f"squeue: expected lines about jobs, found {line[:60]!r}"
    return found, strange

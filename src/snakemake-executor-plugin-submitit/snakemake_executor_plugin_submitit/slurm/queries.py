"""SLURM's commands: every question is about all jobs at once, and may fail for a while."""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from snakemake_executor_plugin_submitit.slurm import commands, environment
from snakemake_executor_plugin_submitit.slurm.commands import (
    NonsenseError,
    RefusedError,
    UnreachableError,
)

# A line of squeue or sacct about a job or an array: its id, then its state.
LINE = re.compile(r"\s*(\d[\d_+\[\],%.-]*)\s*\|\s*([A-Z][A-Z_]*[^|]*)\|.*")
# What scontrol says of a job that the controller does not have.
UNKNOWN = re.compile(r"Invalid job id|Job \S+ not found")


@dataclass(frozen=True)
class Seen:
    """What SLURM says of one job: state, reason of waiting or end, nodes, exit code as `1:0`."""

    state: str
    reason: str = ""
    nodes: str = ""
    exit_code: str = ""
    queued: bool = True  # False: only the accounting knows it, which may be out of date


# Of a job whose cluster gives no answer, while others do: it is waited for, and nothing is concluded.
SILENT = Seen("SILENT", "its cluster does not answer", queued=False)


def queue(cluster: str = "") -> dict[str, Seen]:
    """The user's jobs that squeue knows, those that ended a moment ago included, by job id.

    Whoever is not in it may run all the same: only `controller` tells that a job is gone.
    """
    # By number, as LOGNAME may say another name.
    text = commands.run("squeue", "--all", f"--user={os.getuid()}", "--noheader", "--array",
                        "--states=all", "--format=%i|%T|%r|%N",
                        env=environment.of_questions(cluster))  # fmt: skip
    found = {}
    for line in _lines("squeue", text):
        job_id, state, reason, nodes = (line.strip().split("|") + [""] * 4)[:4]
        found[job_id] = Seen(state, "" if reason == "None" else reason, nodes)
    return found


def accounting(job_ids: Iterable[str], cluster: str = "") -> dict[str, Seen]:
    """What the accounting says of these jobs; empty where there is none."""
    ids = sorted({job_id.partition("_")[0] for job_id in job_ids})
    if not ids:
        return {}
    try:
        text = commands.run("sacct", "--allocations", "--parsable2", "--noheader",
                            f"--jobs={','.join(ids)}",
                            "--format=JobID,State,ExitCode,NodeList,Reason",
                            *([f"--clusters={cluster}"] if cluster else []))  # fmt: skip
        lines = _lines("sacct", text)
    except UnreachableError:
        return {}
    found = {}
    for line in lines:
        job_id, state, code, nodes, reason = (line.split("|") + [""] * 5)[:5]
        for one in expand(job_id):
            found[one] = Seen(state, "" if reason == "None" else reason, nodes, code, queued=False)
    return found


def controller(job_id: str, cluster: str = "") -> Seen | None:
    """What the controller itself says of a job, None only where it says that it has no such job.

    Raises UnreachableError for every other answer: silence is none.
    """
    try:
        text = commands.run("scontrol", "--all", "--oneliner", "show", "job", job_id,
                         env=environment.of_questions(cluster))  # fmt: skip
    except RefusedError as error:
        if UNKNOWN.search(error.output):
            return None
        raise
    for line in text.splitlines():
        values = dict(re.findall(r"(\w+)=(\S*)", line))
        if job_id in _ids(values) and values.get("JobState"):
            return Seen(values["JobState"], values.get("Reason", ""), values.get("NodeList", ""),
                        values.get("ExitCode", ""))  # fmt: skip
    output = f"but {commands.shown(text)}" if text.strip() else "nor of anything else"
    raise NonsenseError(f"scontrol: no word of job {job_id}, {output}")


def find_submission(folder: Path, cluster: str = "") -> str | None:
    """The id of the sbatch whose script lies in `folder`, asked of the queue, then of accounting."""
    token = folder.name
    text = commands.run("squeue", "--all", f"--user={os.getuid()}", "--noheader", "--states=all",
                        "--Format=ArrayJobID:24,STDOUT:1024",
                        env=environment.of_questions(cluster))  # fmt: skip
    for line in text.splitlines():
        if token in line and line.split()[0].isdigit():
            return line.split()[0]
    try:
        text = commands.run("sacct", "--allocations", "--parsable2", "--noheader",
                            "--starttime=now-30days", "--format=JobID,SubmitLine",
                            *([f"--clusters={cluster}"] if cluster else []))  # fmt: skip
    except UnreachableError:
        return None
    for line in text.splitlines():
        if token in line:
            return re.split(r"[_|]", line)[0]
    return None


def cancel(job_ids: Iterable[str], cluster: str = "") -> None:
    """Cancel jobs, a few hundred in one request; those that have ended do not matter."""
    ids = sorted(set(job_ids))
    for begin in range(0, len(ids), 500):
        try:
            commands.run("scancel", "--quiet", *ids[begin : begin + 500],
                      env=environment.of_questions(cluster))  # fmt: skip
        except RefusedError as error:
            if "Invalid job id" not in error.output:
                raise


def max_array_size(cluster: str = "") -> int:
    """The site's limit for an array's highest index, plus one; 1,001 is SLURM's default."""
    try:
        text = commands.run("scontrol", "show", "config", env=environment.of_questions(cluster))
        match = re.search(r"MaxArraySize\s*=\s*(\d+)", text)
    except UnreachableError:
        match = None
    return int(match.group(1)) if match else 1001


def expand(job_id: str) -> list[str]:
    """The ids behind an array's summary.

    >>> expand("7_[0-2,5%4]")
    ['7_0', '7_1', '7_2', '7_5']
    """
    match = re.fullmatch(r"(\d+)_\[([\d,-]+)(?:%\d+)?\]", job_id)
    if not match:
        return [job_id]
    ids = []
    for part in match.group(2).split(","):
        first, _, last = part.partition("-")
        ids += [f"{match.group(1)}_{index}" for index in range(int(first), int(last or first) + 1)]
    return ids


def _lines(command: str, text: str) -> list[str]:
    """The lines about jobs; raises NonsenseError where something is said, and none of it of a job."""
    lines = [line for line in text.splitlines() if LINE.fullmatch(line)]
    if text.strip() and not lines:
        raise NonsenseError(f"{command}: expected lines about jobs, found {commands.shown(text)}")
    return lines


def _ids(values: dict[str, str]) -> list[str]:
    """The ids under which users know the job that scontrol describes."""
    array, index = values.get("ArrayJobId"), values.get("ArrayTaskId")
    if not array or not index:
        return [values.get("JobId", "")]
    return expand(f"{array}_[{index}]")

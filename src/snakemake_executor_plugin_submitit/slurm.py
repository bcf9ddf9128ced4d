"""SLURM's commands: every question is about all jobs at once, and may fail for a while."""

import getpass
import re
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

# sbatch and the others retry by themselves; this ends a command that hangs all the same.
PATIENCE = 120


class UnreachableError(RuntimeError):
    """SLURM did not answer; the question can be asked again later."""


@dataclass(frozen=True)
class Seen:
    """What SLURM says of one job: state, reason of waiting or end, nodes, exit code as `1:0`."""

    state: str
    reason: str = ""
    nodes: str = ""
    exit_code: str = ""
    queued: bool = True  # False: only the accounting knows it, which may be out of date


def run(*command: str, timeout: float = PATIENCE) -> str:
    """Run a SLURM command; raises UnreachableError with its message when it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
    except FileNotFoundError:
        raise UnreachableError(f"{command[0]}: command not found") from None
    except subprocess.TimeoutExpired:
        raise UnreachableError(f"{command[0]}: no answer after {timeout:.0f} s") from None
    if done.returncode != 0:
        raise UnreachableError(f"{command[0]}: {done.stderr.strip() or done.returncode}")
    return done.stdout


def queue() -> dict[str, Seen]:
    """The user's jobs that squeue knows, those that ended a moment ago included, by job id."""
    text = run("squeue", "--user", getpass.getuser(), "--noheader", "--array", "--states=all",
               "--format=%i|%T|%r|%N")  # fmt: skip
    found = {}
    for line in text.splitlines():
        job_id, state, reason, nodes = (line.strip().split("|") + [""] * 4)[:4]
        found[job_id] = Seen(state, "" if reason == "None" else reason, nodes)
    return found


def accounting(job_ids: Iterable[str]) -> dict[str, Seen]:
    """What the accounting says of these jobs; empty where there is none."""
    ids = sorted({job_id.partition("_")[0] for job_id in job_ids})
    if not ids:
        return {}
    try:
        text = run("sacct", "--allocations", "--parsable2", "--noheader", f"--jobs={','.join(ids)}",
                   "--format=JobID,State,ExitCode,NodeList,Reason")  # fmt: skip
    except UnreachableError:
        return {}
    found = {}
    for line in text.splitlines():
        job_id, state, code, nodes, reason = (line.split("|") + [""] * 5)[:5]
        for one in expand(job_id):
            found[one] = Seen(state, "" if reason == "None" else reason, nodes, code, queued=False)
    return found


def find_submission(folder: Path) -> str | None:
    """The id of the sbatch whose script lies in `folder`, asked of the queue, then of accounting."""
    token = folder.name
    text = run("squeue", "--user", getpass.getuser(), "--noheader", "--states=all",
               "--Format=ArrayJobID:24,STDOUT:1024")  # fmt: skip
    for line in text.splitlines():
        if token in line:
            return line.split()[0]
    try:
        text = run("sacct", "--allocations", "--parsable2", "--noheader", "--starttime=now-30days",
                   "--format=JobID,SubmitLine")  # fmt: skip
    except UnreachableError:
        return None
    for line in text.splitlines():
        if token in line:
            return re.split(r"[_|]", line)[0]
    return None


def cancel(job_ids: Iterable[str], timeout: float = PATIENCE) -> None:
    """Cancel jobs, a few hundred in one request; those that have ended do not matter."""
    ids = sorted(set(job_ids))
    for begin in range(0, len(ids), 500):
        try:
            run("scancel", "--quiet", *ids[begin : begin + 500], timeout=timeout)
        except UnreachableError as error:
            if "Invalid job id" not in str(error):
                raise


def max_array_size() -> int:
    """The site's limit for an array's highest index, plus one; 1,001 is SLURM's default."""
    try:
        match = re.search(r"MaxArraySize\s*=\s*(\d+)", run("scontrol", "show", "config"))
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

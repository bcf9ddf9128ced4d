"""Submits the probe job, waits for its report, exchanges a file with it, and cancels it in any case."""

import json
import re
import shlex
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any
from uuid import uuid4

from bakeoff.commands import ask
from bakeoff.doctor import probe
from bakeoff.doctor.requests import JobRequest
from bakeoff.doctor.site import query
from snakemake_executor_plugin_submitit.slurm import environment
from snakemake_executor_plugin_submitit.slurm.commands import shown

MINUTES = 5  # the job's limit: short jobs start sooner
RUNNING_PATIENCE = 240.0  # seconds from its start; importing torch from a cold disk is slow
EXCHANGE_PATIENCE = 90.0
REQUEUE_PATIENCE = 45.0
# Exit codes of the job: they arrive without a shared folder.
NO_FOLDER, READ_ONLY, NO_PROJECT = 81, 82, 83
# Errors of sbatch after which the job may exist all the same.
UNCONFIRMED = ("no answer", "is no text", "expected the id of a job")
ENDED = ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "OUT_OF_MEMORY", "NODE_FAIL", "BOOT_FAIL",
         "DEADLINE", "PREEMPTED", "REVOKED")  # fmt: skip


@dataclass
class ProbeResult:
    """The results of the probe; fields of later steps are empty where it did not come so far."""

    refused: str = ""  # sbatch's error
    job_id: str = ""
    state: str = ""
    reason: str = ""  # why it waits, or ended
    exit_code: int = 0
    state_error: str = ""  # why its state is unknown
    node: str = ""
    waited: float = 0.0  # seconds from sbatch to the report
    report: Mapping[str, Any] = field(default_factory=dict)
    log: str = ""  # the last lines of its output
    exchange: float | None = None  # seconds for a file there and another one back
    skew: float = 0.0  # seconds by which the node's clock differs, at least
    requeued: bool = False
    requeue_error: str = ""
    cancel_error: str = ""


def run(
    job: JobRequest,
    place: Path,
    question: Mapping[str, Any],
    *,
    python: str,
    setup: str,
    timeout: float,
    notify: Callable[[str], None],
) -> ProbeResult:
    """Submit the probe with its folder in `place`; wait up to `timeout` seconds for its start."""
    name = f"bakeoff-doctor-{uuid4().hex[:8]}"
    folder = place / f".{name}"
    found = ProbeResult()
    with _interruptible():
        try:
            folder.mkdir(mode=0o700)
            shutil.copy(probe.__file__, folder / "probe.py")
            (folder / "question.json").write_text(json.dumps(dict(question)))
            python = python or shlex.quote(sys.executable)
            _submit(job, name, _script(folder, python, setup), found)
            if found.job_id:
                _follow(folder, timeout, notify, found)
        finally:
            _cancel(name, found)
            shutil.rmtree(folder, ignore_errors=True)
    return found


def _submit(job: JobRequest, name: str, script: str, found: ProbeResult) -> None:
    over = {"job-name": name, "time": str(min(MINUTES, job.request.runtime or MINUTES))}
    over["time"] = str(max(1, round(float(over["time"]))))
    # If this process is killed, SLURM removes the job: it can no longer end before its deadline.
    deadline = f"--deadline=now+{60 + MINUTES}minutes"
    arguments = ["--output=/dev/null", deadline]
    answer = ask(
        *("sbatch", "--parsable", *arguments, *job.arguments(**over)),
        stdin=script,
        env=environment.of_submissions(dict(job.request.options)),
    )
    found.refused = answer.error
    if answer.ok:
        match = re.search(r"^(\d+)(;\S+)?\s*\Z", answer.text, re.MULTILINE)
        found.job_id = match.group(1) if match else ""
        if not match:
            found.refused = f"sbatch: expected the id of a job, found {shown(answer.text)}"


def _script(folder: Path, python: str, setup: str) -> str:
    quoted = shlex.quote(str(folder))
    return f"""#!/bin/bash
# The probe of `bakeoff doctor`: reports what a job sees, and ends.
[ -r {quoted}/question.json ] || exit {NO_FOLDER}
[ -e {quoted}/finished.json ] && exit 0
{{ : >> {quoted}/log; }} 2>/dev/null || exit {READ_ONLY}
cd {shlex.quote(str(Path.cwd()))} 2> /dev/null || exit {NO_PROJECT}
exec >> {quoted}/log 2>&1
{setup}
{python} {quoted}/probe.py {quoted}
"""


def _follow(
    folder: Path, timeout: float, notify: Callable[[str], None], found: ProbeResult
) -> None:
    begun = time.monotonic()
    report = _await_report(folder, timeout, notify, found)
    found.waited = time.monotonic() - begun
    with suppress(OSError):
        found.log = "\n".join((folder / "log").read_text(errors="replace").splitlines()[-5:])
    if report is None:
        return
    found.report = report
    found.node = report["node"]
    _exchange(folder, found)
    if found.exchange is not None:
        _await_requeue(folder, found)


def _await_report(
    folder: Path, timeout: float, notify: Callable[[str], None], found: ProbeResult
) -> Mapping[str, Any] | None:
    start_by = time.monotonic() + timeout
    end_by: float | None = None
    ended: float | None = None
    next_query = 0.0
    notified = start_by - timeout - 10  # no message in the first seconds
    while True:
        report: Mapping[str, Any] | None = _read(folder / "report.json")
        now = time.monotonic()
        if report is not None:
            return report
        if ended is not None and now > ended + (0 if found.exit_code else 30):
            return None  # it ended, and its report does not appear
        if now > (end_by or start_by):
            return None
        if now >= next_query:
            _query_state(found)
            # Often at first, when most probes start; then rarely, to spare SLURM's controller.
            next_query = now + (0.5 if now < start_by - timeout + 5 else 3)
            if found.state.startswith(ENDED):
                ended = ended or now
            elif found.state not in ("", "PENDING", "CONFIGURING"):
                end_by = end_by or now + RUNNING_PATIENCE
            elif now > notified + 15:
                notified = now
                why = found.reason or found.state or found.state_error
                notify(f"job {found.job_id} waits ({why}); up to {start_by - now:.0f} s")
        time.sleep(0.1)


def _exchange(folder: Path, found: ProbeResult) -> None:
    sent, sent_at = time.monotonic(), time.time()
    (folder / "ping").touch()
    while time.monotonic() < sent + EXCHANGE_PATIENCE:
        pong = _read(folder / "pong.json")
        if pong is not None:
            found.exchange = time.monotonic() - sent
            there = pong["time"]
            found.skew = max(0.0, sent_at - there, there - time.time())
            return
        time.sleep(0.05)


def _await_requeue(folder: Path, found: ProbeResult) -> None:
    deadline = time.monotonic() + REQUEUE_PATIENCE
    while time.monotonic() < deadline:
        answer = _read(folder / "requeue.json")
        if answer is not None and answer["error"]:
            found.requeue_error = answer["error"]
            return
        if _query_state(found).get("Restarts", "0") != "0":
            found.requeued = True
            return
        time.sleep(0.3)
    found.requeue_error = f"no second start of the job shows after {REQUEUE_PATIENCE:.0f} s"


def _query_state(found: ProbeResult) -> Mapping[str, str]:
    answer = query("scontrol", "show", "job", "--oneliner", found.job_id)
    values = dict(re.findall(r"(\S+?)=(\S*)", answer.text))
    found.state_error = answer.error
    if answer.ok and "JobState" not in values:
        found.state_error = f"scontrol: expected the state of a job, found {shown(answer.text)}"
    if not found.state_error:
        found.state = values["JobState"]
        found.reason = "" if values.get("Reason") == "None" else values.get("Reason", "")
        found.node = found.node or values.get("BatchHost", "")
        ((code, killer),) = re.findall(r"^(\d+):(\d+)$", values.get("ExitCode", "")) or [(0, 0)]
        found.exit_code = int(code) or (128 + int(killer) if int(killer) else 0)
        return values
    if "Invalid job id" in answer.error and found.state:
        found.state, found.state_error = "COMPLETED", ""  # SLURM no longer has a record of it
    return {}


def _cancel(name: str, found: ProbeResult) -> None:
    """Cancel by name, which is known even if sbatch's answer was lost."""
    if (
        not found.job_id
        and found.refused
        and not any(each in found.refused for each in UNCONFIRMED)
    ):
        return
    for pause in (1, 3, 0):
        answer = query("scancel", "--quiet", f"--name={name}")
        if answer.ok:
            found.cancel_error = ""
            return
        found.cancel_error = answer.error
        time.sleep(pause)


def _read(path: Path) -> Any:
    try:
        # Opening the file, unlike a stat, makes network file systems ask their server again.
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return None


@contextmanager
def _interruptible() -> Iterator[None]:
    """Turn the signals that end a session into an exception, so that the job is cancelled."""

    def leave(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, leave) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

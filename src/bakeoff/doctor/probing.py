"""The probe: a real job that is submitted, waited for, talked to, and never left behind."""

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
from bakeoff.doctor.requests import Wanted
from bakeoff.doctor.site import question
from snakemake_executor_plugin_submitit.slurm import environment
from snakemake_executor_plugin_submitit.slurm.commands import shown

MINUTES = 5  # the job's limit: short jobs start sooner
RUNNING_PATIENCE = 240.0  # seconds from its start; importing torch from a cold disk takes its time
EXCHANGE_PATIENCE = 90.0
REQUEUE_PATIENCE = 45.0
# Exit codes of the job: the only news that needs no shared folder.
NO_FOLDER, READ_ONLY, NO_PROJECT = 81, 82, 83
# Refusals after which there may be a job all the same.
UNHEARD = ("no answer", "is no text", "expected the id of a job")
ENDED = ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "OUT_OF_MEMORY", "NODE_FAIL", "BOOT_FAIL",
         "DEADLINE", "PREEMPTED", "REVOKED")  # fmt: skip


@dataclass
class Probed:
    """How far the probe came; later fields are empty where it did not come so far."""

    refused: str = ""  # sbatch's words
    job_id: str = ""
    state: str = ""
    reason: str = ""  # why it waits, or ended
    exit_code: int = 0
    silence: str = ""  # why SLURM does not say how it is
    node: str = ""
    waited: float = 0.0  # seconds from sbatch to the report
    report: Mapping[str, Any] = field(default_factory=dict)
    log: str = ""  # the last lines of its output
    exchange: float | None = None  # seconds for a file to go there and another to come back
    skew: float = 0.0  # seconds by which the node's clock differs, at least
    requeued: bool = False
    requeue_error: str = ""
    left: str = ""  # why it could not be cancelled


def run(
    wanted: Wanted,
    place: Path,
    question: Mapping[str, Any],
    *,
    python: str,
    setup: str,
    timeout: float,
    tell: Callable[[str], None],
) -> Probed:
    """Submit the probe with its folder in `place`; wait up to `timeout` seconds for its start."""
    name = f"bakeoff-doctor-{uuid4().hex[:8]}"
    folder = place / f".{name}"
    found = Probed()
    with _interruptible():
        try:
            folder.mkdir(mode=0o700)
            shutil.copy(probe.__file__, folder / "probe.py")
            (folder / "question.json").write_text(json.dumps(dict(question)))
            python = python or shlex.quote(sys.executable)
            _submit(wanted, name, _script(folder, python, setup), found)
            if found.job_id:
                _converse(folder, timeout, tell, found)
        finally:
            _cancel(name, found)
            shutil.rmtree(folder, ignore_errors=True)
    return found


def _submit(wanted: Wanted, name: str, script: str, found: Probed) -> None:
    over = {"job-name": name, "time": str(min(MINUTES, wanted.request.runtime or MINUTES))}
    over["time"] = str(max(1, round(float(over["time"]))))
    # If this process is killed, SLURM removes the job: it can no longer end before its deadline.
    deadline = f"--deadline=now+{60 + MINUTES}minutes"
    arguments = ["--output=/dev/null", deadline]
    answer = ask(
        *("sbatch", "--parsable", *arguments, *wanted.arguments(**over)),
        stdin=script,
        env=environment.of_submissions(dict(wanted.request.options)),
    )
    found.refused = answer.error
    if answer.ok:
        said = re.search(r"^(\d+)(;\S+)?\s*\Z", answer.text, re.MULTILINE)
        found.job_id = said.group(1) if said else ""
        if not said:
            found.refused = f"sbatch: expected the id of a job, found {shown(answer.text)}"


def _script(folder: Path, python: str, setup: str) -> str:
    room = shlex.quote(str(folder))
    return f"""#!/bin/bash
# The probe of `bakeoff doctor`: says what a job sees, and ends.
[ -r {room}/question.json ] || exit {NO_FOLDER}
[ -e {room}/finished.json ] && exit 0
{{ : >> {room}/log; }} 2>/dev/null || exit {READ_ONLY}
cd {shlex.quote(str(Path.cwd()))} 2> /dev/null || exit {NO_PROJECT}
exec >> {room}/log 2>&1
{setup}
{python} {room}/probe.py {room}
"""


def _converse(folder: Path, timeout: float, tell: Callable[[str], None], found: Probed) -> None:
    begun = time.monotonic()
    report = _await_report(folder, timeout, tell, found)
    found.waited = time.monotonic() - begun
    with suppress(OSError):
        found.log = "\n".join((folder / "log").read_text(errors="replace").splitlines()[-5:])
    if report is None:
        return
    found.report = report
    found.node = report["node"]
    _exchange(folder, found)
    if found.exchange is not None:
        _see_requeue(folder, found)


def _await_report(
    folder: Path, timeout: float, tell: Callable[[str], None], found: Probed
) -> Mapping[str, Any] | None:
    start_by = time.monotonic() + timeout
    end_by: float | None = None
    ended: float | None = None
    look_at = 0.0
    told = start_by - timeout - 10  # nothing for the first seconds
    while True:
        report: Mapping[str, Any] | None = _read(folder / "report.json")
        now = time.monotonic()
        if report is not None:
            return report
        if ended is not None and now > ended + (0 if found.exit_code else 30):
            return None  # it succeeded, and its file does not show
        if now > (end_by or start_by):
            return None
        if now >= look_at:
            _look(found)
            # Often at first, when most probes start; then as seldom as SLURM likes it.
            look_at = now + (0.5 if now < start_by - timeout + 5 else 3)
            if found.state.startswith(ENDED):
                ended = ended or now
            elif found.state not in ("", "PENDING", "CONFIGURING"):
                end_by = end_by or now + RUNNING_PATIENCE
            elif now > told + 15:
                told = now
                why = found.reason or found.state or found.silence
                tell(f"job {found.job_id} waits ({why}); up to {start_by - now:.0f} s")
        time.sleep(0.1)


def _exchange(folder: Path, found: Probed) -> None:
    asked, asked_at = time.monotonic(), time.time()
    (folder / "ping").touch()
    while time.monotonic() < asked + EXCHANGE_PATIENCE:
        pong = _read(folder / "pong.json")
        if pong is not None:
            found.exchange = time.monotonic() - asked
            there = pong["time"]
            found.skew = max(0.0, asked_at - there, there - time.time())
            return
        time.sleep(0.05)


def _see_requeue(folder: Path, found: Probed) -> None:
    deadline = time.monotonic() + REQUEUE_PATIENCE
    while time.monotonic() < deadline:
        answer = _read(folder / "requeue.json")
        if answer is not None and answer["error"]:
            found.requeue_error = answer["error"]
            return
        if _look(found).get("Restarts", "0") != "0":
            found.requeued = True
            return
        time.sleep(0.3)
    found.requeue_error = f"no second start of the job shows after {REQUEUE_PATIENCE:.0f} s"


def _look(found: Probed) -> Mapping[str, str]:
    answer = question("scontrol", "show", "job", "--oneliner", found.job_id)
    values = dict(re.findall(r"(\S+?)=(\S*)", answer.text))
    found.silence = answer.error
    if answer.ok and "JobState" not in values:
        found.silence = f"scontrol: expected the state of a job, found {shown(answer.text)}"
    if not found.silence:
        found.state = values["JobState"]
        found.reason = "" if values.get("Reason") == "None" else values.get("Reason", "")
        found.node = found.node or values.get("BatchHost", "")
        ((code, killer),) = re.findall(r"^(\d+):(\d+)$", values.get("ExitCode", "")) or [(0, 0)]
        found.exit_code = int(code) or (128 + int(killer) if int(killer) else 0)
        return values
    if "Invalid job id" in answer.error and found.state:
        found.state, found.silence = "COMPLETED", ""  # SLURM has forgotten it
    return {}


def _cancel(name: str, found: Probed) -> None:
    """Cancel by name: it is known even where sbatch's answer was never heard."""
    if not found.job_id and found.refused and not any(each in found.refused for each in UNHEARD):
        return
    for pause in (1, 3, 0):
        answer = question("scancel", "--quiet", f"--name={name}")
        if answer.ok:
            found.left = ""
            return
        found.left = answer.error
        time.sleep(pause)


def _read(path: Path) -> Any:
    try:
        # Opening, and not only looking, makes network file systems ask their server again.
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

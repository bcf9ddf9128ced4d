"""Why a job failed: the last thing that its log says for a person."""

import re
from pathlib import Path

READ = 65_536  # bytes at the end of a log
LONGEST = 600  # characters of a reason
SAID = re.compile(r"^bakeoff: (error: |stopped: )?")
NOISE = ("srun: ", "slurmstepd: ", "submitit ")
"""How lines begin that others add to the log of a job that has ended."""


def last_message(log: Path) -> str:
    """What bakeoff itself said at the end of a log, to its last line; empty where it did not."""
    lines = _end_of(log)
    begins = [at for at, line in enumerate(lines) if SAID.match(line)]
    if not begins:
        return ""
    own = lines[begins[-1] :]
    if own[0].startswith("bakeoff: stopped: ") and len(own) > 1:
        return ""  # it went on since, in the same log
    return _shortened(SAID.sub("", " ".join(own[: own.index("")] if "" in own else own)))


def last_line(log: Path) -> str:
    """The last line of a log that is not empty: a traceback ends with what was raised."""
    return _shortened(next((line for line in reversed(_end_of(log)) if line), ""))


def _end_of(log: Path) -> list[str]:
    try:
        with log.open("rb") as stream:
            stream.seek(max(0, stream.seek(0, 2) - READ))
            text = stream.read().decode("utf-8", errors="replace")
    except OSError:
        return []
    # A progress bar rewrites its line: only what it ended with is of interest.
    lines = [line.rpartition("\r")[2].strip() for line in text.rstrip().split("\n")]
    return [line for line in lines if not line.startswith(NOISE)]


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST else text[:LONGEST] + " [...]"

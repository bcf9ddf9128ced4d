"""The reason why a job failed: the last message in its log that is for a person."""

import re
from pathlib import Path

from bakeoff.files import tail_lines

READ = 65_536  # bytes at the end of a log
LONGEST = 600  # characters of a reason
OWN_MESSAGE = re.compile(r"^bakeoff: (error: |stopped: )?")
NOISE = ("srun: ", "slurmstepd: ", "submitit ")
"""The first words of lines that SLURM and submitit add to the log of a job that has ended."""


def last_message(log: Path) -> str:
    """The last message of bakeoff itself in a log, with all of its lines; empty if there is none."""
    lines = _end_of(log)
    begins = [at for at, line in enumerate(lines) if OWN_MESSAGE.match(line)]
    if not begins:
        return ""
    own = lines[begins[-1] :]
    if own[0].startswith("bakeoff: stopped: ") and len(own) > 1:
        return ""  # the job went on since, in the same log
    return _shortened(OWN_MESSAGE.sub("", " ".join(own[: own.index("")] if "" in own else own)))


def last_line(log: Path) -> str:
    """The last line of a log that is not empty: a traceback ends with the exception."""
    return _shortened(next((line for line in reversed(_end_of(log)) if line), ""))


def _end_of(log: Path) -> list[str]:
    lines = (line.strip() for line in tail_lines(log, READ))
    return [line for line in lines if not line.startswith(NOISE)]


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST else text[:LONGEST] + " [...]"

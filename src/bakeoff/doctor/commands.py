"""Running a command that may be missing, refuse or hang; it never takes longer than its patience."""

import os
import re
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass

PATIENCE = 20.0


@dataclass(frozen=True)
class Answer:
    """What a command said; `error` is empty when it succeeded."""

    text: str
    error: str = ""

    @property
    def ok(self) -> bool:
        """Whether the command succeeded."""
        return not self.error


def ask(*command: str, stdin: str = "", patience: float = PATIENCE) -> Answer:
    """Run a command without a shell; a missing, failing or silent one is an Answer with an error."""
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,  # so that what it started can be ended with it
        )
    except OSError as error:
        return Answer("", f"{command[0]}: {error.strerror}")
    try:
        out, err = process.communicate(stdin, timeout=patience)
    except BaseException as error:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        if not isinstance(error, subprocess.TimeoutExpired):
            raise
        return Answer("", f"{command[0]}: no answer within {patience:g} s")
    if process.returncode == 0:
        return Answer(out, "")
    said = _bare(err or out) or f"exit code {process.returncode}"
    return Answer(out, f"{command[0]}: {said}")


def _bare(text: str) -> str:
    """All lines in one, each without the labels that SLURM's commands put before it."""
    labels = re.compile(r"^(\w+: (error|fatal): |allocation failure: )+")
    lines = (labels.sub("", line.strip()) for line in text.splitlines())
    return "; ".join(dict.fromkeys(line for line in lines if line))

"""Runs commands that may be missing, fail or hang, with a time limit and one error message for each case."""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PATIENCE = 20.0
LONGEST = 2000  # characters of an error
DYING = 2.0  # seconds that a killed process may take to end


@dataclass(frozen=True)
class Answer:
    """The output of a command; `error` is empty when it succeeded."""

    text: str
    error: str = ""
    missing: bool = False  # there is no such command

    @property
    def ok(self) -> bool:
        """Whether the command succeeded."""
        return not self.error


def ask(
    *command: str,
    stdin: str = "",
    patience: float = PATIENCE,
    env: Mapping[str, str] | None = None,
) -> Answer:
    """Run a command without a shell; where it is missing, fails or hangs, the Answer has an error.

    `patience` is in seconds. Afterwards the command is killed; one that hangs in the kernel, as nvidia-smi
    does with a broken driver, is abandoned.
    """
    name = Path(command[0]).name
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            env=env,
            start_new_session=True,  # so that its children are killed with it
        )
    except OSError as error:
        missing = isinstance(error, FileNotFoundError) and not shutil.which(command[0])
        return Answer("", f"{name}: {_obstacle(command[0], error)}", missing)
    try:
        out, err = process.communicate(stdin, timeout=patience)
    except BaseException as error:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        with suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=DYING)
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                with suppress(OSError):
                    stream.close()
        if not isinstance(error, subprocess.TimeoutExpired):
            raise
        return Answer("", f"{name}: no answer within {patience:g} s")
    if process.returncode == 0:
        return Answer(out, "") if _is_text(out) else Answer("", f"{name}: its answer is no text")
    message = _bare(err or out) or _meaning(process.returncode)
    return Answer(out, f"{name}: {message}")


def _is_text(text: str) -> bool:
    return (
        all(letter.isprintable() or letter in "\n\t\r" for letter in text) and "\ufffd" not in text
    )


def _obstacle(name: str, error: OSError) -> str:
    found = shutil.which(name)
    if isinstance(error, FileNotFoundError):
        # A script whose interpreter is missing gives the same error.
        return f"the interpreter of {found} is missing" if found else "command not found"
    return f"it cannot be executed ({error.strerror})"


def _meaning(code: int) -> str:
    if code < 0:
        return f"killed by signal {-code}"
    known = {126: "it needs what cannot be executed", 127: "it needs a command that was not found"}
    return f"exit code {code}" + (f": {known[code]}" if code in known else "")


def _bare(text: str) -> str:
    """All lines in one, printable, without the labels of SLURM's commands."""
    labels = re.compile(r"^(\w+: (error|fatal): |allocation failure: )+")
    lines = (labels.sub("", line.strip()) for line in text.split("\n"))
    message = "; ".join(dict.fromkeys(line for line in lines if line))[:LONGEST]
    message = message.replace("\t", " ")
    return "".join(c if c.isprintable() and c != "\ufffd" else "?" for c in message)

"""Running a command of SLURM: it may be missing, refuse, hang or answer nonsense, each told apart."""

import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Mapping
from contextlib import suppress

from snakemake_executor_plugin_submitit.slurm import environment

# sbatch and the others retry by themselves; this ends a command that hangs all the same.
PATIENCE = 120.0
# How soon a command that waits notices that nobody waits for it any more.
LOOK = 0.2
# What a killed process may take to disappear; one that hangs in the kernel is left to it.
DYING = 2.0


class UnreachableError(RuntimeError):
    """SLURM did not answer; the question can be asked again later."""


class MissingError(UnreachableError):
    """The command is not there, or cannot be executed."""


class NonsenseError(UnreachableError):
    """The command answered, but not what it answers on any SLURM."""


class RefusedError(UnreachableError):
    """The command ended with another exit code than 0; the text is what it said."""

    def __init__(self, command: str, code: int, output: str) -> None:
        self.code = code  # negative: the signal that ended it
        self.output = output or meaning(code)
        super().__init__(f"{command}: {self.output}")


# Monotonic: after it no command is waited for any more, and none is started.
_deadline = float("inf")
# Set when only the main thread may still ask, as it cancels what was submitted.
_conversation_over = threading.Event()
_running: dict[int, tuple[str, float]] = {}  # by pid: name, and when it was started


def begin() -> None:
    """Let commands run, as an executor begins; an earlier one of this process has ended them."""
    global _deadline
    _deadline = float("inf")
    _conversation_over.clear()


def end(after: float = 0.0) -> None:
    """End every command that still runs then, in `after` seconds, and start no others."""
    global _deadline
    _deadline = min(_deadline, time.monotonic() + after)


def end_conversation() -> None:
    """End the commands of all threads but the main one."""
    _conversation_over.set()


def waited_for() -> bool:
    """Whether commands are still waited for, in every thread."""
    return time.monotonic() < _deadline


def slowest() -> str:
    """The command that has been waited for longest; empty where none is."""
    waiting = sorted(_running.copy().values(), key=lambda entry: entry[1])
    return waiting[0][0] if waiting else ""


def _over() -> bool:
    elsewhere = threading.current_thread() is not threading.main_thread()
    return time.monotonic() >= _deadline or (elsewhere and _conversation_over.is_set())


def run(*command: str, timeout: float = PATIENCE, env: Mapping[str, str] | None = None) -> str:
    """What a command prints; raises UnreachableError with one sentence when it fails in whatever way.

    `env` is that of SLURM's questions by default. Never takes much longer than `timeout` seconds, and
    leaves no process behind that can be killed.
    """
    name = command[0]
    if _over():
        raise UnreachableError(f"{name}: not asked any more")
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            env=environment.of_questions() if env is None else env,
            start_new_session=True,  # Ctrl-C is not for it, and what it started ends with it
        )
    except OSError as error:
        raise MissingError(f"{name}: {_obstacle(name, error)}") from None
    out, err = _communicate(name, process, timeout)
    if process.returncode != 0:
        output = "".join(
            c if c.isprintable() or c == "\n" else "?" for c in (err.strip() or out.strip())
        )
        raise RefusedError(name, process.returncode, output[:2000])
    return out


def shown(text: str, length: int = 60) -> str:
    """The beginning of an answer that makes no sense, for a message of one line."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return repr(line[:length] + ("…" if len(line) > length else ""))


def meaning(code: int) -> str:
    """An exit code in words.

    >>> meaning(127), meaning(-9)
    ('exit code 127: it needs a command that was not found', 'killed by SIGKILL')
    """
    if code < 0:
        with suppress(ValueError):
            return f"killed by {signal.Signals(-code).name}"
    known = {126: "it needs what cannot be executed", 127: "it needs a command that was not found"}
    return f"exit code {code}" + (f": {known[code]}" if code in known else "")


def _communicate(name: str, process: "subprocess.Popen[str]", timeout: float) -> tuple[str, str]:
    began = time.monotonic()
    deadline = began + timeout
    _running[process.pid] = (name, began)
    try:
        while True:
            with suppress(subprocess.TimeoutExpired):
                return process.communicate(timeout=LOOK)
            if _over():
                raise UnreachableError(f"{name}: it is not waited for any more")
            if time.monotonic() > deadline:
                raise UnreachableError(f"{name}: no answer after {timeout:.0f} s")
    except BaseException:
        _kill(process)
        raise
    finally:
        _running.pop(process.pid, None)


def _kill(process: "subprocess.Popen[str]") -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    with suppress(subprocess.TimeoutExpired):
        process.communicate(timeout=DYING)
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()


def _obstacle(name: str, error: OSError) -> str:
    found = shutil.which(name)
    if isinstance(error, FileNotFoundError):
        # A script whose interpreter is missing gives the same error.
        return f"the interpreter of {found} is missing" if found else "command not found"
    return f"it cannot be executed ({error.strerror})"

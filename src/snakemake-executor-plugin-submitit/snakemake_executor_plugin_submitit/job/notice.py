"""How a rule learns that it should save: a file appears, and whoever registered gets a signal.

`SNAKEMAKE_JOB_NOTICE` holds a path, the same for every process and node of the job.

- `$SNAKEMAKE_JOB_NOTICE` appears when the job should save; its one line is the reason,
  `preempted` or `time limit`. Looking whether it exists is all that a rule needs to do.
- `$SNAKEMAKE_JOB_NOTICE.pid`: a process on the job's first node that appends its pid as a line
  also gets SIGUSR2, at once if the notice came before. Install the handler first.
- A rule that saved and wants to go on later ends with exit code 75 (EX_TEMPFAIL); the job is
  requeued. Where the code may get lost, as in a pipe or in Python rules, it creates
  `$SNAKEMAKE_JOB_NOTICE.saved` and ends with any code other than 0.
- A rule that would fail in the same way again ends with exit code 78 (EX_CONFIG), or creates
  `$SNAKEMAKE_JOB_NOTICE.hopeless`: Snakemake's `retries` do not start it again.
"""

import os
import signal
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

VARIABLE = "SNAKEMAKE_JOB_NOTICE"
EX_TEMPFAIL = 75
EX_CONFIG = 78


@dataclass
class Notice:
    """The notice of one job, as its worker gives it."""

    path: Path
    reason: str = ""  # empty until the notice is given
    signalled: set[int] = field(default_factory=set)

    def reset(self) -> None:
        """Forget the notice of an earlier run: pids belong to another node and time."""
        for path in (self.path, self.registered, self.saved_marker, self.hopeless_marker):
            path.unlink(missing_ok=True)

    @property
    def registered(self) -> Path:
        """Where processes write their pid to get a signal too."""
        return self.path.with_name(f"{self.path.name}.pid")

    @property
    def saved_marker(self) -> Path:
        """What a rule creates after it saved."""
        return self.path.with_name(f"{self.path.name}.saved")

    @property
    def saved(self) -> bool:
        """Whether the rule said that it saved."""
        return self.saved_marker.exists()

    @property
    def hopeless_marker(self) -> Path:
        """What a rule creates that would fail again."""
        return self.path.with_name(f"{self.path.name}.hopeless")

    @property
    def hopeless(self) -> bool:
        """Whether the rule said that it would fail again."""
        return self.hopeless_marker.exists()

    def give(self, reason: str) -> None:
        """Let the file appear with the reason; a second notice changes nothing."""
        if self.reason:
            return
        self.reason = reason
        temporary = self.path.with_name(f".{self.path.name}")
        try:
            temporary.write_text(f"{reason}\n", encoding="utf-8")
            temporary.replace(self.path)
        except OSError as error:
            # On a full disk a file without content may still be made, and is a notice as well.
            say(f"notice: {error}")
            with suppress(OSError):
                self.path.touch()

    def signal_registered(self) -> None:
        """Send SIGUSR2 once to every process that registered, early or late."""
        if not self.reason or not self.registered.exists():
            return
        words = self.registered.read_text(encoding="utf-8", errors="replace").split()
        pids = {int(word) for word in words if word.isdigit() and int(word) > 1}
        for pid in sorted(pids - self.signalled):
            self.signalled.add(pid)
            try:
                os.kill(pid, signal.SIGUSR2)
            except OSError as error:
                say(f"notice: process {pid} could not be signalled: {error}")


def say(text: str) -> None:
    """Into the job's log; a disk that is full must not end the job."""
    with suppress(OSError):
        print(text, flush=True)

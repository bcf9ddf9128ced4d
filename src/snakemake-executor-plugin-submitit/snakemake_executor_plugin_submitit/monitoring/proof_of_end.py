"""That a job has ended: SLURM's silence is no proof, and a job that may still run has no successor.

A job that left no record counts as ended only when all of this holds:

- it gives no sign of life, by its own heartbeat (`heartbeat`), for as long as it may miss some,
- SLURM's controller says of it, by its id, that it has ended or that there is no such job,
- it is cancelled, in SLURM and in the registry, so that it ends itself should it run or start all the
  same, and the two above still hold after that.
"""

import os
import socket
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from snakemake_executor_plugin_submitit import records
from snakemake_executor_plugin_submitit.backends.backend import Backend
from snakemake_executor_plugin_submitit.job.heartbeat import MISSED, Beat
from snakemake_executor_plugin_submitit.job.spec import Outcome
from snakemake_executor_plugin_submitit.records import UnreadableError
from snakemake_executor_plugin_submitit.registry.registry import Entry, Registry
from snakemake_executor_plugin_submitit.slurm import states
from snakemake_executor_plugin_submitit.slurm.commands import UnreachableError
from snakemake_executor_plugin_submitit.slurm.states import JobStatus

# Seconds in which a cancelled job that is just starting shows that it does.
SETTLING = 2.0
# Seconds between two cancellations of a job that does not end.
INSIST = 30.0


@dataclass
class Suspect:
    """What is known of a job of which it is not known whether it has ended."""

    beat: Beat | None = None  # the last that could be read
    changed: float = 0.0  # monotonic, when the beat was last seen to change, or the first look
    fenced: float | None = None  # monotonic, when it was noted as cancelled
    cancelled: float = -INSIST  # monotonic, when SLURM was last told


class Proof:
    """The evidence about jobs that may have ended."""

    def __init__(self, registry: Registry, silence: float, log: Callable[[str], None]) -> None:
        self.registry = registry
        self.silence = silence
        self.log = log
        self._suspects: dict[str, Suspect] = {}
        self._logged: set[str] = set()

    def ended(self, entry: Entry, backend: Backend | None) -> bool:
        """Whether a job has provably ended; to be asked again and again until it has.

        It is cancelled once it seems to be gone. `backend` is where it was submitted, None if that
        cannot be asked from here. Raises UnreachableError while there is no answer.
        """
        suspect = self._suspects.setdefault(entry.key, Suspect())
        settled = suspect.fenced is not None and time.monotonic() - suspect.fenced >= SETTLING
        if settled and self._said_so(entry):
            return True  # and if SLURM starts it again, it finds itself cancelled
        if not self._silent(entry, suspect, backend):
            return False
        if suspect.fenced is None:
            self.cancel([entry], backend)
        return settled

    def listen(self, entry: Entry) -> Beat | None:
        """Look for signs of life; the silence is counted from the first look."""
        suspect = self._suspects.setdefault(entry.key, Suspect())
        beat = entry.beat
        if not suspect.changed:
            suspect.beat, suspect.changed = beat, time.monotonic()
        elif beat is not None and beat != suspect.beat:  # one that cannot be read is no other one
            # The first one that is seen may be of any age.
            if suspect.beat is not None and not beat.ended:
                self._log_once(entry, "gives signs of life, whatever SLURM says; it is waited for")
            suspect.beat, suspect.changed = beat, time.monotonic()
        return beat

    def cancel(self, entries: Iterable[Entry], backend: Backend | None) -> None:
        """Cancel jobs in the registry, which they read themselves, and in SLURM, in one request.

        Those that live on are cancelled again from time to time. Raises UnreachableError.
        """
        now = time.monotonic()
        ids = []
        for entry in entries:
            suspect = self._suspects.setdefault(entry.key, Suspect())
            if suspect.fenced is None:
                self._fence(entry)
                suspect.fenced = now
            if entry.job_id and now - suspect.cancelled >= INSIST:
                suspect.cancelled = now
                ids.append(entry.address)
        if ids and backend is not None:
            backend.cancel(ids)

    def fenced(self, entry: Entry) -> bool:
        """Whether a job was cancelled here because it seemed to be lost."""
        suspect = self._suspects.get(entry.key)
        return suspect is not None and suspect.fenced is not None

    def forget(self, entry: Entry) -> None:
        """Nobody asks about this job any more, or it lives."""
        self._suspects.pop(entry.key, None)

    def _silent(self, entry: Entry, suspect: Suspect, backend: Backend | None) -> bool:
        """Whether neither the job nor the controller says that it lives."""
        beat = self.listen(entry)
        if entry.job_id and backend is not None:
            seen = backend.controller(entry.address)
            if seen is not None and states.status_of(seen) in (JobStatus.ALIVE, JobStatus.STUCK):
                return False
        if self._said_so(entry) or records.missing(entry.pulse):
            return True
        local = backend is not None and entry.cluster != "slurm"
        if local and beat is not None and beat.node == here():
            return True  # a process of this machine is known to be gone
        every = suspect.beat.every if suspect.beat is not None else 0.0
        quiet = time.monotonic() - suspect.changed
        return quiet >= max(self.silence / 2, MISSED * every)

    def _said_so(self, entry: Entry) -> bool:
        """Whether the job itself said that its run has ended."""
        beat = entry.beat
        if beat is not None:
            return beat.ended
        return Outcome.read(self.registry.layout.outcome(entry.key)) is not None

    def _fence(self, entry: Entry) -> None:
        try:
            current = self.registry.read(entry.identity)
        except UnreadableError:
            current = entry  # as far as is known; whoever's it was ends itself, too
        if current is None or current.key != entry.key or current.cancelled:
            return
        try:
            self.registry.write(replace(current, cancelled=True))
        except OSError as error:
            raise UnreachableError(f"{self.registry.layout.registry}: {error}") from None

    def _log_once(self, entry: Entry, text: str) -> None:
        if entry.key not in self._logged:
            self._logged.add(entry.key)
            self.log(f"{entry.name} (job {entry.job_id}) {text}.")


def here() -> str:
    """The name of this machine, the one that a job without SLURM writes into its beats."""
    return os.environ.get("SLURMD_NODENAME") or socket.gethostname()

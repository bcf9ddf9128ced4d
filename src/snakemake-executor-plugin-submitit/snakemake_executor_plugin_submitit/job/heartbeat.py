"""A job's own signs of life, which need no SLURM: who runs it, and that it still does.

Every run of a job writes `<index>.beat` in its submission's folder before it touches anything, and
again and again while it runs. So the controlling Snakemake sees that a job lives although SLURM says
nothing of it, or something old; and a run that finds another run's beat there, or that its submission
has been replaced, ends itself before it writes any more.
"""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from uuid import uuid4

from snakemake_executor_plugin_submitit import records
from snakemake_executor_plugin_submitit.job.usage import Usage

# Beats that may fail to appear in time, on a file system that is slow.
MISSED = 3


@dataclass(frozen=True)
class Beat:
    """One sign of life."""

    run: str  # unique for a start of the job: it may be requeued
    count: int
    every: float  # seconds between two beats
    job_id: str
    node: str
    ended: bool = False  # the run said so itself
    # Of this run and those before it: what a job used that was killed and left no other record.
    usage: dict[str, float] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> "Beat | None":
        """The last beat, or None where there was none."""
        values = records.read(path)
        if values is None:
            return None
        known = {item.name for item in fields(cls)}
        try:
            return cls(**{name: value for name, value in values.items() if name in known})
        except TypeError:
            return None


class Heartbeat:
    """The beats of this run; `why_not` says why it may not go on, and `stop` is called with each reason."""

    def __init__(
        self,
        path: Path,
        every: float,
        job_id: str,
        node: str,
        why_not: Callable[[], str],
        stop: Callable[[str], None],
        used: Callable[[], Usage] = Usage,
    ) -> None:
        self.path = path
        self.used = used
        self.beat = Beat(uuid4().hex, 0, every, job_id, node)
        self.why_not = why_not
        self.stop = stop
        self._replaced = False  # by another run, whose beats these now are
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._go_on, daemon=True)

    def begin(self) -> str:
        """The first beat; returns why this run may not go on, empty if it may.

        An earlier run that SLURM lost may still be at work on a node that it cannot reach: it gets the
        time to see that it has been replaced.
        """
        earlier = Beat.read(self.path)
        if earlier is None and not records.missing(self.path):
            earlier = replace(self.beat, job_id="")  # of a run about which nothing can be read
        written = self._modified()
        self._write()
        if earlier is not None and not earlier.ended:
            # Both times are the file system's own.
            left = MISSED * earlier.every - (self._modified() - written)
            deadline = time.monotonic() + left
            while (left := deadline - time.monotonic()) > 0:
                time.sleep(min(1.0, left))
                self._write()  # the other may have written over it between its look and its beat
        self._thread.start()
        return self._objection()

    def end(self) -> None:
        """The last beat, when the command has ended."""
        self._done.set()
        if self._thread.is_alive():
            self._thread.join(timeout=60)
        self.beat = replace(self.beat, ended=True)
        self._replaced = self._replaced or self._of_another() is not None
        self._write()

    def _go_on(self) -> None:
        reported = ""
        while not self._done.wait(self.beat.every):
            reason = self._objection()
            if reason and reason != reported:
                reported = reason
                self.stop(reason)
            self._write()

    def _objection(self) -> str:
        other = self._of_another()
        if other is not None:
            self._replaced = True
            return f"it runs again as {other.job_id} on {other.node}"
        return self.why_not()

    def _of_another(self) -> Beat | None:
        found = Beat.read(self.path)
        return found if found is not None and found.run != self.beat.run else None

    def _write(self) -> None:
        if self._replaced:
            return
        self.beat = replace(self.beat, count=self.beat.count + 1, usage=self.used().as_dict())
        # A full disk, or a folder that somebody removed, is no reason to end.
        with suppress(OSError):
            records.write(self.path, asdict(self.beat), durable=False)

    def _modified(self) -> float:
        try:
            return self.path.stat().st_mtime
        except OSError:
            return 0.0

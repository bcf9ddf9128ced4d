"""The journal of a run: `journal.jsonl` in its folder, appended and flushed before anything is sent.

    journal = Journal.start(folder, "demo", "conv", seed=0, digest=digest)
    with journal:                                       # RUNNING
        journal.params(config)                          # nested is flattened
        journal.tags({"git.commit": "374264a"})
        journal.dataset("train", Path("splits/train.csv"), digest=sha, rows=600)
        for epoch in range(1, epochs + 1):
            ...                                         # train; save the checkpoints FIRST, then
            journal.metrics(epoch, {"train_loss": 0.69, "val_auc": 0.71}, files=changed)
    # FINISHED; FAILED with the error where one was raised; KILLED on an interrupt or SystemExit;
    # after journal.status("SCHEDULED") in the block (preempted, requeued) it stays SCHEDULED

A journal holds an event once (`Deduplicator`). A trainer that resumes at epoch 3 may replay all rows of
its history and go on from whatever epoch its checkpoint holds: what is there is not written again.
A line cut short by a kill is not an event: readers skip it, and the next append removes it.
The format is in `events`.
"""

import os
import socket
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

from bakeoff.errors import TrackingError
from bakeoff.files import sha256
from bakeoff.tracking.journal.deduplication import Deduplicator
from bakeoff.tracking.journal.events import (
    Artifact,
    Dataset,
    Event,
    Metrics,
    Params,
    RunStarted,
    Status,
    StatusName,
    Tags,
    decode,
    encode,
    flatten,
)
from bakeoff.tracking.journal.jsonl import append_lines, read_lines

NAME = "journal.jsonl"


class Journal:
    """The journal at `path`, for the process that trains; several processes may append."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._deduplicator = _deduplicator_of(path)

    @classmethod
    def start(
        cls,
        folder: Path,
        experiment: str,
        variant: str,
        seed: int,
        digest: str,
        *,
        resumed: bool = False,
    ) -> "Journal":
        """Open the journal of a run folder, for a job that goes on from a checkpoint if `resumed`.

        The same configuration (`digest`) goes on in the same file. Another configuration, or a
        training that begins anew where epochs were journalled, is another run: the old journal
        moves to `journal-<its id>.jsonl`, from where it can still be sent.
        """
        path = folder / NAME
        folder.mkdir(parents=True, exist_ok=True)
        earlier = read(path) if path.exists() else []
        begun = next((event for event in earlier if isinstance(event, RunStarted)), None)
        if begun is not None:
            epochs = (e for e in earlier if isinstance(e, Metrics) and e.step and not e.is_sample)
            if begun.digest != digest or (any(epochs) and not resumed):
                path.replace(path.with_name(f"journal-{begun.journal[:12]}.jsonl"))
                begun = None
        journal = cls(path)
        if begun is None:
            journal.append(
                RunStarted(
                    time=time.time(),
                    journal=uuid4().hex,
                    experiment=experiment,
                    variant=variant,
                    seed=seed,
                    digest=digest,
                )
            )
        return journal

    def params(self, config: Mapping[str, Any]) -> None:
        """The resolved configuration, nested or flat."""
        self.append(Params(time=time.time(), values=flatten(config)))

    def tags(self, values: Mapping[str, str]) -> None:
        """Facts about the run: commit, host, job."""
        self.append(Tags(time=time.time(), values=dict(values)))

    def dataset(self, context: str, source: Path, digest: str, rows: int) -> None:
        """A table that the run reads as its train, val or test data."""
        self.append(
            Dataset(
                time=time.time(),
                context=context,
                name=source.name,
                digest=digest,
                rows=rows,
                source=str(source),
            )
        )

    def metrics(
        self,
        step: int,
        values: Mapping[str, float],
        at: float | None = None,
        files: Iterable[str] = (),
    ) -> None:
        """Measurements of epoch `step`, taken `at` (seconds since the Unix epoch; default now).

        `files` of the run folder that the epoch changed are noted with them, in the same flush.
        """
        moment = time.time() if at is None else at
        measured = Metrics(time=moment, step=step, values=dict(values))
        self.append(measured, *(self._artifact(path) for path in files))

    def artifact(self, *paths: str) -> None:
        """Files of the run folder that are whole now, each with the SHA-256 of its content."""
        self.append(*(self._artifact(path) for path in paths))

    def status(self, status: StatusName, error: str = "") -> None:
        """A job of the run began, ended, or was requeued (SCHEDULED)."""
        self.append(Status(time=time.time(), status=status, error=error, process=_process()))

    def append(self, *events: Event) -> None:
        """Write the events that are new, in one piece, and flush them to the disk.

        Raises TrackingError where the file system refuses; nothing is half written then.
        """
        new = [part for event in events if (part := self._deduplicator.new(event)) is not None]
        if not new:
            return
        try:
            append_lines(self.path, b"".join(map(encode, new)))
        except OSError as error:
            self._deduplicator = _deduplicator_of(self.path)
            raise TrackingError(
                f"{self.path}: the journal cannot be written: {error.strerror}. "
                "Free space there or move the results, then start the run again: it resumes."
            ) from error

    def _artifact(self, path: str) -> Artifact:
        file = self.path.parent / path
        return Artifact(time=time.time(), path=path, sha256=sha256(file), bytes=file.stat().st_size)

    def __enter__(self) -> Self:
        self.status("RUNNING")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._deduplicator.status is None or self._deduplicator.status.status != "RUNNING":
            return  # the trainer has journalled how it ended
        if error is None:
            self.status("FINISHED")
        elif isinstance(error, Exception):
            self.status("FAILED", f"{type(error).__name__}: {error}")
        else:
            self.status("KILLED", f"{type(error).__name__}: {error}".rstrip(": "))


class Tail:
    """Reads a journal that is still being written: its events from the beginning, without duplicates."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.deduplicator = Deduplicator()
        self.offset = 0  # bytes read
        self._lines = 0

    def read(self, until: int | None = None) -> list[Event]:
        """What was appended since the last call (up to byte `until`); a torn line is left for later.

        Raises TrackingError that names the line which is no event.
        """
        lines, end = read_lines(self.path, self.offset, until)
        events: list[Event] = []
        for number, line in enumerate(lines, start=self._lines + 1):
            event = decode(line, f"{self.path}, line {number}")
            if event is not None and (part := self.deduplicator.new(event)) is not None:
                events.append(part)
        self._lines += len(lines)
        self.offset = end
        return events


def read(path: Path) -> list[Event]:
    """Every event of a journal, in order, without duplicates; a torn last line is left out."""
    return Tail(path).read()


def _deduplicator_of(path: Path) -> Deduplicator:
    tail = Tail(path)
    if path.exists():
        tail.read()
    return tail.deduplicator


def _process() -> dict[str, str]:
    """Where this job runs: enough to find its logs on a cluster."""
    found = {"host": socket.gethostname(), "pid": str(os.getpid())}
    for key in ("SLURM_JOB_ID", "SLURM_ARRAY_JOB_ID", "SLURM_ARRAY_TASK_ID", "SLURM_RESTART_COUNT"):
        if value := os.environ.get(key):
            found[key.lower()] = value
    return found

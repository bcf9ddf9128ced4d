"""The journal of a training: what the run is, each epoch, its files, and how its job ended."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bakeoff.config.experiment import Experiment
from bakeoff.files import sha256
from bakeoff.layout import SplitName
from bakeoff.tracking.delivery.sender import start_sender
from bakeoff.tracking.journal.events import DEVICES, Status
from bakeoff.tracking.journal.journal import NAME, Journal, read
from bakeoff.training.checkpoint import CheckpointFolder, Progress
from bakeoff.training.snapshot import Row
from bakeoff.training.stop import Stopped


@contextmanager
def journalled(
    experiment: Experiment,
    folder: Path,
    record: Mapping[str, Any],
    progress: Progress,
    checkpoints: CheckpointFolder,
    tables: Mapping[SplitName, tuple[Path, int]],
    live: bool,
) -> Iterator[Journal]:
    """The journal of a run folder while the run trains; if `live`, a sender takes it to MLflow.

    `record` is the content of run.json so far, `tables` the file and rows of each split. Epochs that
    are done already are replayed; the journal holds each of them once. A run that stops after a
    notice is SCHEDULED, with its last checkpoint: it goes on in another job.
    """
    journal = Journal.start(
        folder,
        experiment.name,
        record["variant"],
        record["seed"],
        progress.digest,
        resumed=progress.begun,
    )
    with journal:
        journal.params({**record["config"], "seed": record["seed"]})
        facts = {
            key: ", ".join(value) if isinstance(value, list) else str(value)
            for key, value in record["provenance"].items()
            if value not in (None, []) and key not in ("versions", "finished", "seconds")
        }
        journal.tags({"config.digest": progress.digest, **facts, **_devices(progress)})
        for split, (file, rows) in tables.items():
            journal.dataset(split, file, sha256(file), rows=rows)
        for row in progress.history:
            _journal_epoch(journal, row)
        if progress.best_epoch:
            journal.artifact(journal_path(folder, checkpoints.best))
        tracking = experiment.tracking
        if live:
            start_sender(folder, tracking.uri, experiment.tracked_as, force=tracking.force)
        try:
            yield journal
        except Stopped:
            journal.artifact(journal_path(folder, checkpoints.last))
            journal.status("SCHEDULED")
            raise


def _devices(progress: Progress) -> dict[str, str]:
    """The kinds of devices of a run that was trained on several, as a tag."""
    kinds = dict.fromkeys(str(one["device"]) for one in progress.attempts)
    return {DEVICES: ", ".join(kinds)} if len(kinds) > 1 else {}


def has_journalled_end(folder: Path) -> bool:
    """Whether the journal of a run folder records the run's end; a kill may have come just before it."""
    file = folder / NAME
    statuses = [e for e in read(file) if isinstance(e, Status)] if file.exists() else []
    return bool(statuses) and statuses[-1].status == "FINISHED"


def journal_rows(journal: Journal, rows: Iterable[Row], files: Mapping[int, Sequence[str]]) -> None:
    """Rows of the history, and by epoch the files of the run folder that it changed.

    Only of what a checkpoint has: an epoch that comes again after a kill may end in other figures.
    """
    for row in rows:
        named = files.get(int(row.values["epoch"]), ())
        _journal_epoch(journal, row.values, at=row.ended, files=named)


def _journal_epoch(
    journal: Journal,
    row: Mapping[str, float],
    at: float | None = None,
    files: Sequence[str] = (),
) -> None:
    values = {key: value for key, value in row.items() if key != "epoch"}
    journal.metrics(int(row["epoch"]), values, at=at, files=files)


def journal_path(folder: Path, file: Path) -> str:
    """The path of a file as the journal of its run folder has it: relative to that folder."""
    return str(file.relative_to(folder))

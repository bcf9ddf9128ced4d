"""The delivery of one journal to MLflow: the events since the last time, in batches, then the files."""

import getpass
import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bakeoff.errors import TrackingError
from bakeoff.files import sha256
from bakeoff.layout import RunFolder
from bakeoff.tracking.batches import Point
from bakeoff.tracking.delivery.cursor import EXPERIMENT, Cursor
from bakeoff.tracking.delivery.final_scores import log_scores
from bakeoff.tracking.delivery.locks import delivery_lock, variant_lock
from bakeoff.tracking.delivery.parent_run import variant_run
from bakeoff.tracking.delivery.run_files import read_run_files
from bakeoff.tracking.delivery.uploads import results, upload
from bakeoff.tracking.journal.events import Dataset, Event, Metrics, Params, RunStarted, Tags
from bakeoff.tracking.journal.journal import NAME, Tail, read
from bakeoff.tracking.journal.run_state import RunState
from bakeoff.tracking.mlflow.health import UnavailableError
from bakeoff.tracking.mlflow.runs import (
    PARENT,
    find_or_create_run,
    is_deleted,
    supersede,
    tolerating_deletion,
)
from bakeoff.tracking.mlflow.store import Store
from bakeoff.tracking.presentation.costs import read_costs
from bakeoff.tracking.presentation.display_names import display_params, display_tags, points_of
from bakeoff.tracking.presentation.notes import NOTE
from bakeoff.tracking.presentation.run_description import of_run
from bakeoff.tracking.presentation.scores import read_scores
from bakeoff.tracking.records import StoredRun


@dataclass
class Delivered:
    """What one call of `send` stored."""

    run_id: str = ""
    events: int = 0
    files: int = 0

    def __add__(self, later: "Delivered") -> "Delivered":
        return Delivered(later.run_id, self.events + later.events, self.files + later.files)


class RunDelivery:
    """The delivery of the journal at `journal` to one store; call `send` as often as you like."""

    def __init__(self, store: Store, experiment_id: str, journal: Path) -> None:
        self.store, self.experiment_id, self.journal = store, experiment_id, journal
        self.folder = journal.parent
        self.record = journal.with_suffix(".sent.json")
        self.cursor = Cursor.load(self.record, str(store.address))
        self._rewind()

    @property
    def is_current(self) -> bool:
        """Whether the run folder's files are this run's; an earlier journal has another name."""
        return self.journal.name == NAME

    def send(self) -> Delivered:
        """Send what the journal holds and MLflow does not.

        Raises UnavailableError where a later try may succeed (BusyError while another process sends
        this run); the next call sends what this one could not.
        """
        with self._only_sender():
            try:
                try:
                    return self._send()
                except UnavailableError:
                    raise
                except TrackingError:
                    if not self._is_gone():
                        raise
                    self.cursor.reset()
                    self._rewind()
                    return self._send()
            except BaseException:
                self._rewind()
                raise

    def _rewind(self) -> None:
        """Replay the journal up to the cursor; reset a cursor of another journal or experiment."""
        # A run that was sent to another experiment is not in this one; earlier records lack the key.
        if self.cursor.extra.get(EXPERIMENT, self.experiment_id) != self.experiment_id:
            self.cursor.reset()
        self.tail, self.run_state = Tail(self.journal), RunState()
        self.run_state.add(self.tail.read(until=self.cursor.offset))
        if self.cursor.run_id and (
            self.tail.offset != self.cursor.offset
            or self.run_state.run is None
            or self.run_state.run.journal != self.cursor.journal
        ):  # another journal has taken this name
            self.cursor.reset()
            self.tail, self.run_state = Tail(self.journal), RunState()

    def _send(self) -> Delivered:
        events = self.tail.read()
        self.run_state.add(events)
        if self.run_state.run is None:
            return Delivered()
        if not self.cursor.run_id:
            self.cursor.run_id = self._find_or_create_run(self.run_state.run).id
            self.cursor.journal = self.run_state.run.journal
            self.cursor.extra[EXPERIMENT] = self.experiment_id
            self.cursor.save(self.record)
        self._log(events)
        files = self._upload() if self.is_current else 0
        self._end()
        self.cursor.save(self.record)
        return Delivered(self.cursor.run_id, len(events), files)

    def _find_or_create_run(self, run: RunStarted) -> StoredRun:
        kind = "pretraining" if run.is_pretraining else "run"
        place = {"kind": kind, "variant": run.variant, "seed": str(run.seed)}
        superseded = "no" if self.is_current else "yes"
        tags = {**place, "superseded": superseded, "mlflow.user": getpass.getuser()}
        name = run.variant if run.is_pretraining else f"{run.variant}-seed-{run.seed}"
        identity = {"journal": run.journal}
        stored = find_or_create_run(self.store, self.experiment_id, identity, name, run.time, tags)
        if self.is_current:
            supersede(self.store, self.experiment_id, place, by=stored)
        return stored

    def _log(self, events: list[Event]) -> None:
        points: list[Point] = []
        params: dict[str, str] = {}
        tags: dict[str, str] = {}
        for event in events:
            match event:
                case Metrics():
                    points += points_of(event)
                case Params():
                    params |= display_params(event.values)
                case Tags():
                    tags |= display_tags(event.values)
        run = self.run_state.run
        in_a_variant = run is not None and not run.is_pretraining
        if in_a_variant and self.run_state.params and "parent" not in self.cursor.extra:
            with variant_lock(self.folder.parent):
                parent = variant_run(
                    self.store, self.experiment_id, self.run_state, self.is_current
                )
            self.cursor.extra["parent"] = tags[PARENT] = parent.id
        self.store.log_batches(self.cursor.run_id, points, params, tags)
        self._describe()
        if datasets := [event for event in events if isinstance(event, Dataset)]:
            self.store.datasets(self.cursor.run_id, datasets)
        self.cursor.offset = self.tail.offset

    def _describe(self) -> None:
        """Update the run's description where it has changed, be it by a later version of bakeoff."""
        note = of_run(self.run_state)
        digest = hashlib.sha256(note.encode()).hexdigest()[:12]
        if self.cursor.extra.get(NOTE) != digest:
            self._tag({NOTE: note, "jobs": str(self.run_state.job_count)})
            self.cursor.extra[NOTE] = digest

    def _tag(self, tags: Mapping[str, str]) -> None:
        """Set tags; a deleted run is tolerated here, and noticed when there are new events."""
        with tolerating_deletion(self.store, self.cursor.run_id):
            self.store.log_batches(self.cursor.run_id, tags=tags)

    def _upload(self) -> int:
        """Upload the files that the journal names; of a run that has ended, every result in its folder."""
        state = self.run_state.state
        ended = state is not None and state.ended
        trains = state is not None and state.status == "RUNNING"
        paths = set(self.run_state.artifacts)
        if ended:
            paths |= {*results(self.folder), NAME}
            self._score()
            self._cost()
            self._complete()
        return upload(
            self.store, self.cursor, self.record, self.folder, sorted(paths), settled=not trains
        )

    def _score(self) -> None:
        """Log the final scores, once per content of metrics.json."""
        file = self.folder / "metrics.json"
        if not file.exists() or self.cursor.extra.get("scores") == (digest := sha256(file)):
            return
        log_scores(self.store, self.cursor.run_id, read_scores(file), file.stat().st_mtime)
        self.cursor.extra["scores"] = digest

    def _cost(self) -> None:
        """Log what the run costs, once per content of inference.json."""
        file = RunFolder(self.folder).inference
        if not file.exists() or self.cursor.extra.get("costs") == (digest := sha256(file)):
            return
        costs = read_costs(self.folder, read(self.journal))
        log_scores(self.store, self.cursor.run_id, costs, file.stat().st_mtime)
        self.cursor.extra["costs"] = digest

    def _complete(self) -> None:
        """Add what is known once a run has ended: its duration and its test table."""
        if self.run_state.run is None:
            return
        run_files = read_run_files(self.folder, self.run_state.run.digest)
        if run_files.tags and self.cursor.extra.get("ending") != (
            final_tags := repr(run_files.tags)
        ):
            self._tag(run_files.tags)
            self.cursor.extra["ending"] = final_tags
        if run_files.tested and self.cursor.extra.get("tested") != run_files.tested.digest:
            with tolerating_deletion(self.store, self.cursor.run_id):
                self.store.datasets(self.cursor.run_id, [run_files.tested])
            self.cursor.extra["tested"] = run_files.tested.digest

    def _end(self) -> None:
        state = self.run_state.state
        if state is not None and self.cursor.status != [state.status, state.time]:
            self.store.status(self.cursor.run_id, state.status, state.time)
            self.cursor.status = [state.status, state.time]

    def _is_gone(self) -> bool:
        """Whether the cursor's run is gone: deleted, a duplicate, or of another store at this address."""
        if not self.cursor.run_id or self.run_state.run is None:
            return False
        if is_deleted(self.store, self.cursor.run_id):
            return True
        return self.store.get(self.cursor.run_id).tags.get("journal") != self.run_state.run.journal

    def move_below(self, parent: StoredRun) -> None:
        """Record that the run is a child of this parent run now."""
        with self._only_sender():
            self.cursor.extra["parent"] = parent.id
            self.cursor.save(self.record)

    @contextmanager
    def _only_sender(self) -> Iterator[None]:
        """Hold the delivery lock: a second sender of this journal waits for this call to end."""
        with delivery_lock(self.record.with_suffix(".lock"), self.journal):
            self._reload()
            yield

    def _reload(self) -> None:
        """Load the cursor again: another process may have sent meanwhile."""
        found = Cursor.load(self.record, str(self.store.address))
        if found != self.cursor:
            self.cursor = found
            self._rewind()

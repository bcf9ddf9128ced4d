"""One journal on its way into MLflow: what is new since the last time, in batches, then the files."""

import getpass
import hashlib
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bakeoff.errors import TrackingError
from bakeoff.files import sha256
from bakeoff.tracking.batches import Point, batches
from bakeoff.tracking.ending import read_ending
from bakeoff.tracking.events import Dataset, Event, Metrics, Params, RunStarted, Tags
from bakeoff.tracking.journal import NAME, Tail
from bakeoff.tracking.lines import alone
from bakeoff.tracking.mlflow_store import Store
from bakeoff.tracking.notes import NOTE
from bakeoff.tracking.reachable import BusyError, UnavailableError
from bakeoff.tracking.runs import PARENT, is_gone, params_digest, supersede, the_run, unless_gone
from bakeoff.tracking.scores import FINAL, read_scores
from bakeoff.tracking.sent import PLACE, Sent
from bakeoff.tracking.stored import StoredRun
from bakeoff.tracking.story import Story
from bakeoff.tracking.translation import facts, points_of, told
from bakeoff.tracking.uploads import results, upload

LOCK_PATIENCE = 60.0  # seconds


@dataclass
class Delivery:
    """What one round of sending stored."""

    run_id: str = ""
    events: int = 0
    files: int = 0

    def __add__(self, later: "Delivery") -> "Delivery":
        return Delivery(later.run_id, self.events + later.events, self.files + later.files)


class Shipment:
    """The journal at `journal`, sent to one store; call `send` as often as you like."""

    def __init__(self, store: Store, experiment_id: str, journal: Path) -> None:
        self.store, self.experiment_id, self.journal = store, experiment_id, journal
        self.folder = journal.parent
        self.record = journal.with_suffix(".sent.json")
        self.sent = Sent.load(self.record, str(store.address))
        self._rewind()

    @property
    def is_current(self) -> bool:
        """Whether the run folder's files are this run's; an earlier journal has another name."""
        return self.journal.name == NAME

    def send(self) -> Delivery:
        """Store what the journal holds and MLflow does not.

        Raises UnavailableError where it is to be tried again (BusyError while another process sends
        this run); what was not stored stays to be sent.
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
                    self.sent.forget()
                    self._rewind()
                    return self._send()
            except BaseException:
                self._rewind()
                raise

    def _rewind(self) -> None:
        """Read again from what is known to be stored."""
        # Sent to an experiment of another name, it is not in this one; earlier records do not say.
        if self.sent.extra.get(PLACE, self.experiment_id) != self.experiment_id:
            self.sent.forget()
        self.tail, self.story = Tail(self.journal), Story()
        self.story.add(self.tail.read(until=self.sent.offset))
        if self.sent.run_id and (
            self.tail.offset != self.sent.offset
            or self.story.run is None
            or self.story.run.journal != self.sent.journal
        ):  # another journal has come to this name
            self.sent.forget()
            self.tail, self.story = Tail(self.journal), Story()

    def _send(self) -> Delivery:
        events = self.tail.read()
        self.story.add(events)
        if self.story.run is None:
            return Delivery()
        if not self.sent.run_id:
            self.sent.run_id = self._the_run(self.story.run).id
            self.sent.journal = self.story.run.journal
            self.sent.extra[PLACE] = self.experiment_id
            self.sent.save(self.record)
        self._log(events)
        files = self._upload() if self.is_current else 0
        self._end()
        self.sent.save(self.record)
        return Delivery(self.sent.run_id, len(events), files)

    def _the_run(self, run: RunStarted) -> StoredRun:
        kind = "pretraining" if run.is_pretraining else "run"
        place = {"kind": kind, "variant": run.variant, "seed": str(run.seed)}
        superseded = "no" if self.is_current else "yes"
        tags = {**place, "superseded": superseded, "mlflow.user": getpass.getuser()}
        name = run.variant if run.is_pretraining else f"{run.variant}-seed-{run.seed}"
        identity = {"journal": run.journal}
        stored = the_run(self.store, self.experiment_id, identity, name, run.time, tags)
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
                    params |= told(event.values)
                case Tags():
                    tags |= facts(event.values)
        run = self.story.run
        in_a_variant = run is not None and not run.is_pretraining
        if in_a_variant and self.story.params and "parent" not in self.sent.extra:
            with only_one_variant(self.folder.parent):
                parent = variant_run(self.store, self.experiment_id, self.story, self.is_current)
            self.sent.extra["parent"] = tags[PARENT] = parent.id
        for batch in batches(points, params, tags):
            self.store.log(self.sent.run_id, batch)
        self._describe()
        if datasets := [event for event in events if isinstance(event, Dataset)]:
            self.store.datasets(self.sent.run_id, datasets)
        self.sent.offset = self.tail.offset

    def _describe(self) -> None:
        """The run's description, where it has changed: also by a later version of bakeoff."""
        note = self.story.note()
        digest = hashlib.sha256(note.encode()).hexdigest()[:12]
        if self.sent.extra.get(NOTE) != digest:
            self._tag({NOTE: note, "jobs": str(self.story.attempts)})
            self.sent.extra[NOTE] = digest

    def _tag(self, tags: Mapping[str, str]) -> None:
        """Set tags; not of a run that a person deleted: that is found out when there is news of it."""
        with unless_gone(self.store, self.sent.run_id):
            for batch in batches(tags=tags):
                self.store.log(self.sent.run_id, batch)

    def _upload(self) -> int:
        """Upload what the journal names; of a run that ended, every result in its folder."""
        state = self.story.state
        ended = state is not None and state.ended
        trains = state is not None and state.status == "RUNNING"
        paths = set(self.story.artifacts)
        if ended:
            paths |= {*results(self.folder), NAME}
            self._score()
            self._complete()
        return upload(
            self.store, self.sent, self.record, self.folder, sorted(paths), settled=not trains
        )

    def _score(self) -> None:
        """The final figures, once per content of metrics.json."""
        file = self.folder / "metrics.json"
        if not file.exists() or self.sent.extra.get("scores") == (digest := sha256(file)):
            return
        moment = file.stat().st_mtime_ns // 1_000_000
        points = [Point(k, v, moment, FINAL) for k, v in read_scores(file).items()]
        for batch in batches(points):
            self.store.log(self.sent.run_id, batch)
        self.sent.extra["scores"] = digest

    def _complete(self) -> None:
        """What is known of a run once it has ended: how long it took, what it was tested on."""
        if self.story.run is None:
            return
        ending = read_ending(self.folder, self.story.run.digest)
        if ending.tags and self.sent.extra.get("ending") != (said := repr(ending.tags)):
            self._tag(ending.tags)
            self.sent.extra["ending"] = said
        if ending.tested and self.sent.extra.get("tested") != ending.tested.digest:
            with unless_gone(self.store, self.sent.run_id):
                self.store.datasets(self.sent.run_id, [ending.tested])
            self.sent.extra["tested"] = ending.tested.digest

    def _end(self) -> None:
        state = self.story.state
        if state is not None and self.sent.status != [state.status, state.time]:
            self.store.status(self.sent.run_id, state.status, state.time)
            self.sent.status = [state.status, state.time]

    def _is_gone(self) -> bool:
        """Whether the run that was sent to is none now: deleted, a duplicate, or of an old store."""
        if not self.sent.run_id or self.story.run is None:
            return False
        if is_gone(self.store, self.sent.run_id):
            return True
        return self.store.get(self.sent.run_id).tags.get("journal") != self.story.run.journal

    def move_below(self, parent: StoredRun) -> None:
        """Note that the run is below this parent run now."""
        with self._only_sender():
            self.sent.extra["parent"] = parent.id
            self.sent.save(self.record)

    @contextmanager
    def _only_sender(self) -> Iterator[None]:
        """Hold the journal for one sender at a time: a second one waits for the round to end."""
        with only_one(self.record.with_suffix(".lock"), self.journal):
            self._take_over()
            yield

    def _take_over(self) -> None:
        """Take over what another process has sent meanwhile."""
        found = Sent.load(self.record, str(self.store.address))
        if found != self.sent:
            self.sent = found
            self._rewind()


@contextmanager
def only_one(file: Path, what: Path) -> Iterator[None]:
    """Hold the lock `file`, so that one process at a time sends `what`; BusyError if it lasts."""
    with file.open("w") as lock, ExitStack() as held:
        try:
            held.enter_context(alone(lock, LOCK_PATIENCE))
        except TimeoutError:
            raise BusyError(
                f"{what}: another process has been sending this for {LOCK_PATIENCE:g} s. "
                "It, or its server, may hang: end it, then run `bakeoff sync`."
            ) from None
        yield


def only_one_variant(folder: Path) -> AbstractContextManager[None]:
    """Let one process at a time make or change the parent run of the seeds in `folder`."""
    return only_one(folder / "variant.lock", folder)


def variant_run(store: Store, experiment_id: str, story: Story, is_current: bool) -> StoredRun:
    """The parent run of a variant with these params; its seeds are below it."""
    run, params = story.run, story.variant_params
    if run is None:
        raise TrackingError("A journal without its first line has no variant.")
    place = {"kind": "variant", "variant": run.variant}
    identity = {**place, "params_digest": params_digest(params)}
    tags = {"superseded": "no", "mlflow.user": getpass.getuser()}
    parent = the_run(store, experiment_id, identity, run.variant, run.time, tags)
    while missing := {k: v for k, v in told(params).items() if k not in parent.params}:
        with unless_gone(store, parent.id):
            for batch in batches(params=missing):
                store.log(parent.id, batch)
            break
        parent = the_run(store, experiment_id, identity, run.variant, run.time, tags)
    if is_current:
        supersede(store, experiment_id, place, by=parent)
    return parent

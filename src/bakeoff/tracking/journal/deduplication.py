"""Deduplication of events: those that a resumed run, or a second process, repeats are left out."""

from dataclasses import replace

from bakeoff.tracking.journal.events import (
    Artifact,
    Dataset,
    Event,
    Metrics,
    Params,
    RunStarted,
    Status,
    Tags,
)


class Deduplicator:
    """Remembers the events so far and passes on what is new.

    The first value counts of the run itself, a param (by key), a metric (by key and step) and a dataset
    (by context and digest): MLflow keeps every value that it is sent for a step, so a second one would
    be a second point of the curve. The latest value counts of a tag (by key) and an artifact (by path).
    Every status is kept: they are the history of the run's jobs.
    """

    def __init__(self) -> None:
        self.run: RunStarted | None = None
        self.status: Status | None = None
        self._first: set[tuple[str | int, ...]] = set()
        self._latest: dict[tuple[str, str], str] = {}

    def new(self, event: Event) -> Event | None:
        """The part of the event that is new, None if nothing is; remembers it."""
        match event:
            case Metrics():
                fresh = {k: v for k, v in event.values.items() if self._is_first(k, event.step)}
                return replace(event, values=fresh) if fresh else None
            case Params():
                params = {k: v for k, v in event.values.items() if self._is_first("param", k)}
                return replace(event, values=params) if params else None
            case Tags():
                tags = {k: v for k, v in event.values.items() if self._changes("tag", k, v)}
                return replace(event, values=tags) if tags else None
            case Artifact():
                return event if self._changes("artifact", event.path, event.sha256) else None
            case Dataset():
                return event if self._is_first("dataset", event.context, event.digest) else None
            case Status():
                self.status = event
            case RunStarted():
                if self.run is not None:
                    return None
                self.run = event
        return event

    def _is_first(self, *key: str | int) -> bool:
        if key in self._first:
            return False
        self._first.add(key)
        return True

    def _changes(self, kind: str, key: str, value: str) -> bool:
        if self._latest.get((kind, key)) == value:
            return False
        self._latest[kind, key] = value
        return True

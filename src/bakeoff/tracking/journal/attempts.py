"""The jobs that worked on a run, from its journal: those that were preempted or killed are among them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bakeoff.tracking.journal.events import Event, Metrics, Status


@dataclass(frozen=True)
class Attempt:
    """When a job of a run began and ended, in seconds since the Unix epoch."""

    begun: float
    ended: float

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.ended - self.begun


def attempts(events: Sequence[Event]) -> Iterator[Attempt]:
    """The jobs of a run, in order; one that was killed ends with the last that it measured."""
    begun = last = 0.0
    for event in events:
        if isinstance(event, Status) and not event.is_presumed:
            if begun:
                yield Attempt(begun, last if event.status == "RUNNING" else event.time)
            begun = last = event.time if event.status == "RUNNING" else 0.0
        elif begun and isinstance(event, Metrics):
            last = max(last, event.time)
    if begun:
        yield Attempt(begun, last)

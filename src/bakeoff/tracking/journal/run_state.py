"""The state of a run, from the events of its journal."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from bakeoff.tracking.journal.events import (
    Artifact,
    Dataset,
    Event,
    Metrics,
    Params,
    RunStarted,
    Scalar,
    Status,
    Tags,
)

_SAME_FOR_EVERY_SEED = ("seed", "training.seeds")


@dataclass
class RunState:
    """What is known of a run."""

    run: RunStarted | None = None
    params: dict[str, Scalar] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    datasets: list[Dataset] = field(default_factory=list)
    artifacts: dict[str, Artifact] = field(default_factory=dict)
    jobs: list[Status] = field(default_factory=list)
    state: Status | None = None  # how the run is now

    def add(self, events: Iterable[Event]) -> None:
        """Apply the next events."""
        for event in events:
            match event:
                case RunStarted():
                    self.run = event
                case Params():
                    self.params.update(event.values)
                case Tags():
                    self.tags.update(event.values)
                case Dataset():
                    self.datasets.append(event)
                case Artifact():
                    self.artifacts[event.path] = event
                case Status():
                    self.jobs.append(event)
                    self.state = event
                case Metrics():
                    if self.state is not None and self.state.is_presumed:
                        # It was presumed dead, but was only suspended.
                        self.state = Status(time=event.time, status="RUNNING")

    @property
    def variant_params(self) -> dict[str, Scalar]:
        """The params that every seed of the variant has."""
        return {k: v for k, v in self.params.items() if k not in _SAME_FOR_EVERY_SEED}

    @property
    def job_count(self) -> int:
        """How many jobs worked on the run."""
        return sum(job.status == "RUNNING" for job in self.jobs)

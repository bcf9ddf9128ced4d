"""A run as its journal tells it: everything so far in one place, and in words for a person."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

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
from bakeoff.tracking.presentation.notes import code
from bakeoff.tracking.presentation.reproduction import origin, reproduction

LONGEST_NOTE = 7900  # characters; MLflow's limit for a tag is 8,000
LONGEST_ERROR = 1500

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
        """Take in what happened next."""
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
                        # It was only silent, or suspended: what measures is not dead.
                        self.state = Status(time=event.time, status="RUNNING")

    @property
    def variant_params(self) -> dict[str, Scalar]:
        """The params that every seed of the variant has."""
        return {k: v for k, v in self.params.items() if k not in _SAME_FOR_EVERY_SEED}

    @property
    def attempts(self) -> int:
        """How many jobs worked on the run."""
        return sum(job.status == "RUNNING" for job in self.jobs)

    def note(self) -> str:
        """The run's description in MLflow: what it is, how to repeat it, the history of its jobs.

        Of a long history, the first job and the last ones; of a long error, its beginning and end.
        """
        lines = [*self._what(), *reproduction([self.tags])]
        if self.jobs:
            lines += ["| when (UTC) | status | host | SLURM job | |", "|---|---|---|---|---|"]
        end = []
        if self.jobs and self.state is not self.jobs[-1]:
            end.append("\nIt has been measuring again since.")
        room = LONGEST_NOTE - sum(len(line) + 1 for line in lines + end)
        return _shortened("\n".join(lines + _fitting(self.jobs, room) + end), LONGEST_NOTE)

    def _what(self) -> list[str]:
        if self.run is None:
            return []
        if self.run.is_pretraining:
            what = f"The pretraining {code(self.run.variant.partition('/')[2])}, from which variants start,"
            weights = "weights.safetensors"
        else:
            what = f"Seed {self.run.seed} of the variant {code(self.run.variant)}"
            weights = "checkpoints/best.safetensors"
        what += f" of the bake-off {code(self.run.experiment)}. {origin([self.tags])}"
        return [what.strip(), f"Its weights are the artifact `{weights}`.", ""]


def _fitting(jobs: list[Status], room: int) -> list[str]:
    """A row of the table for each job, without those in the middle where `room` characters are too few."""
    if not jobs:
        return []
    first, last = _row(jobs[0]), list[str]()
    left_out = "| | | | | {} more, in journal.jsonl |"
    room -= len(first) + len(left_out) + 10
    for job in reversed(jobs[1:]):
        row = _row(job)
        room -= len(row) + 1
        if room < 0 and last:  # how it ended is never left out
            break
        last.append(row)
    missing = len(jobs) - 1 - len(last)
    return [first, *([left_out.format(missing)] if missing else []), *reversed(last)]


def _row(job: Status) -> str:
    when = datetime.fromtimestamp(job.time, UTC).strftime("%Y-%m-%d %H:%M:%S")
    host, slurm = job.process.get("host", ""), job.process.get("slurm_job_id", "")
    error = _shortened(job.error, LONGEST_ERROR).replace("|", "\\|").replace("\n", " ")
    return f"| {when} | {job.status} | {host} | {slurm} | {error} |"


def _shortened(text: str, longest: int) -> str:
    """At most `longest` characters: the beginning and the end of a text that has more."""
    if len(text) <= longest:
        return text
    gap = " [...] "
    tail = (longest - len(gap)) // 2
    return text[: longest - len(gap) - tail] + gap + text[-tail:]

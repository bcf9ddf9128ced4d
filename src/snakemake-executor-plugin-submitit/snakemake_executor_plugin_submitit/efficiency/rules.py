"""The jobs of a rule together: what each of them asked for, the most and the typical of what they used."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from snakemake_executor_plugin_submitit.efficiency.rows import Row

MEMORY_KILLED, TIME_KILLED = "out of memory", "time limit"


@dataclass(frozen=True)
class Figure:
    """What jobs asked for, and used of it; the latter None where nobody measured it."""

    asked: tuple[
        float, ...
    ]  # the different amounts, the least first; empty where none was asked for
    most: float | None
    typical: float | None

    @property
    def limit(self) -> float | None:
        """The most that a job asked for."""
        return self.asked[-1] if self.asked else None

    @property
    def differs(self) -> bool:
        """Whether jobs of the rule asked for different amounts."""
        return len(self.asked) > 1

    @property
    def share(self) -> float | None:
        """The most that was used, of the most that was asked for."""
        return self.most / self.limit if self.most is not None and self.limit else None


@dataclass(frozen=True)
class Rule:
    """A rule with its jobs of this run; memory in bytes on a node, times in seconds."""

    name: str
    rows: tuple[Row, ...]

    @property
    def cpus(self) -> Figure:
        """CPUs asked for and busy."""
        # A job that failed at once would tell of a rule that does nothing.
        rows = [row for row in self.rows if not row.failed] or list(self.rows)
        return _figure([row.cpus for row in self.rows], [row.busy for row in rows])

    @property
    def memory(self) -> Figure:
        """Bytes on a node."""
        return _figure(
            [row.memory_asked for row in self.rows], [row.memory or None for row in self.rows]
        )

    @property
    def time(self) -> Figure:
        """Seconds of the longest attempt."""
        rows = [row for row in self.rows if not row.failed or self.ended_by(TIME_KILLED)]
        return _figure([row.limit for row in self.rows], [row.longest or None for row in rows])

    @property
    def gpus(self) -> int:
        """The most GPUs of a job."""
        return max(row.gpus for row in self.rows)

    @property
    def gpu_busy(self) -> float | None:
        """The highest percentage that was seen, None where the accounting does not count it."""
        return max((row.gpu_busy for row in self.rows if row.gpu_busy is not None), default=None)

    @property
    def gpu_memory(self) -> float | None:
        """Bytes at most, None where the accounting does not count it."""
        held = (row.gpu_memory for row in self.rows if row.gpu_memory is not None)
        return max(held, default=None)

    @property
    def elapsed(self) -> float:
        """Seconds of all jobs."""
        return sum(row.elapsed for row in self.rows)

    @property
    def failed(self) -> int:
        """How many of its jobs failed."""
        return sum(row.failed for row in self.rows)

    @property
    def resumes(self) -> bool:
        """Whether jobs of it went on in further attempts, as those that save at their time limit do."""
        return any(row.attempts > 1 and not row.failed for row in self.rows)

    @property
    def grouped(self) -> bool:
        """Whether its jobs are groups of several rules' jobs."""
        return any(row.job.grouped for row in self.rows)

    @property
    def cost(self) -> float:
        """What its jobs kept others from, to put the rules in order: CPUs or their memory, times time."""
        return sum(
            row.elapsed * max(row.cpus, row.memory_asked / 2**32, 8 * row.gpus) for row in self.rows
        )

    def ended_by(self, reason: str) -> int:
        """How many jobs ended for this reason."""
        return sum(row.job.state.startswith(reason) for row in self.rows)


def by_rule(rows: Sequence[Row]) -> list[Rule]:
    """The rules with their jobs, the most costly first."""
    names = dict.fromkeys(row.job.rule for row in rows)
    rules = [Rule(name, tuple(row for row in rows if row.job.rule == name)) for name in names]
    return sorted(rules, key=lambda rule: -rule.cost)


def _figure(asked: Sequence[float], used: Sequence[float | None]) -> Figure:
    known = [value for value in used if value is not None]
    return Figure(
        asked=tuple(sorted({value for value in asked if value})),
        most=max(known, default=None),
        typical=median(known) if known else None,
    )

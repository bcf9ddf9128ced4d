"""What a job has used so far, all of its attempts together, as its record and its beat keep it."""

from dataclasses import asdict, dataclass, fields
from typing import Any


@dataclass(frozen=True)
class Usage:
    """What was measured inside a job: seconds, and bytes of memory at most at once, on its first node.

    All zero for a job that nobody measured, as those of earlier versions.
    """

    attempts: int = 0  # starts of the job: SLURM may have requeued it
    elapsed: float = 0.0  # seconds, of all attempts
    longest: float = 0.0  # seconds, of the longest one
    cpu_seconds: float = 0.0
    memory: float = 0.0

    def then(self, later: "Usage") -> "Usage":
        """What these and later attempts used."""
        return Usage(
            self.attempts + later.attempts,
            self.elapsed + later.elapsed,
            max(self.longest, later.longest),
            self.cpu_seconds + later.cpu_seconds,
            max(self.memory, later.memory),
        )

    def as_dict(self) -> dict[str, float]:
        """As a record keeps it."""
        return {
            name: value if isinstance(value, int) else round(value, 3)
            for name, value in asdict(self).items()
        }

    @classmethod
    def of(cls, record: Any) -> "Usage":
        """What a record keeps; nothing where it keeps none, or what is no number."""
        if not isinstance(record, dict):
            return cls()
        known = {item.name for item in fields(cls)}
        kept = {
            name: float(value)
            for name, value in record.items()
            if name in known and isinstance(value, int | float)
        }
        return cls(int(kept.pop("attempts", 0)), **kept)

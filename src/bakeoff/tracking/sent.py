"""What was sent to MLflow, remembered beside what it was made from. Losing it costs only time."""

from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bakeoff.files import read_json, write_json

FORMAT = 1


@dataclass
class SentFile:
    """A file that was uploaded: its content, and how to see cheaply that it has not changed."""

    sha256: str
    size: int
    modified: int  # nanoseconds since the Unix epoch


@dataclass
class Sent:
    """Where a run is in MLflow and how much of it is there."""

    uri: str = ""  # without credentials
    journal: str = ""  # its id
    run_id: str = ""
    offset: int = 0  # bytes of the journal
    status: list[Any] = field(default_factory=list)  # the last one sent, with its time
    extra: dict[str, str] = field(default_factory=dict)  # what else was sent, by its digest
    files: dict[str, SentFile] = field(default_factory=dict)

    @classmethod
    def load(cls, file: Path, uri: str) -> "Sent":
        """What `file` says about the store at `uri`; nothing if it is about another, or damaged."""
        with suppress(OSError, ValueError, KeyError, TypeError):
            values = read_json(file)
            if values.pop("format") == FORMAT and values["uri"] == uri:
                values["files"] = {path: SentFile(**f) for path, f in values["files"].items()}
                return cls(**values)
        return cls(uri=uri)

    def save(self, file: Path) -> None:
        """Remember."""
        write_json(file, {"format": FORMAT, **asdict(self)})

    def forget(self) -> None:
        """Start over, as if nothing had been sent."""
        self.journal, self.run_id, self.offset, self.status = "", "", 0, []
        self.extra, self.files = {}, {}

"""What was sent to MLflow, remembered beside what it was made from. Losing it costs only time.

One file holds a record per store, so that a run that is sent to a second one, a colleague's server
or the group's, is sent there whole and goes on at the first where it was.
"""

from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bakeoff.files import read_json, write_json

FORMAT = 2
PLACE = "experiment"  # the key in `extra` of the id of the experiment


@dataclass
class UploadedFile:
    """A file that was uploaded: its content, and how to see cheaply that it has not changed."""

    sha256: str
    size: int
    modified: int  # nanoseconds since the Unix epoch


@dataclass
class Cursor:
    """Where a run is in one store and how much of it is there."""

    uri: str = ""  # without credentials
    journal: str = ""  # its id
    run_id: str = ""
    offset: int = 0  # bytes of the journal
    status: list[Any] = field(default_factory=list)  # the last one sent, with its time
    extra: dict[str, str] = field(default_factory=dict)  # what else was sent, by its digest
    files: dict[str, UploadedFile] = field(default_factory=dict)

    @classmethod
    def load(cls, file: Path, uri: str) -> "Cursor":
        """What `file` says about the store at `uri`; nothing if it does not know it, or is damaged."""
        with suppress(KeyError, TypeError, AttributeError):
            values = dict(_stores(file)[uri])
            values["files"] = {path: UploadedFile(**f) for path, f in values["files"].items()}
            return cls(uri=uri, **values)
        return cls(uri=uri)

    def save(self, file: Path) -> None:
        """Remember; what the file says about other stores stays. Nothing is written without news."""
        stores = _stores(file)
        values = asdict(self)
        del values["uri"]
        if stores.get(self.uri) != values:  # a flush to the disk is not cheap
            write_json(file, {"format": FORMAT, "stores": {**stores, self.uri: values}})

    def forget(self) -> None:
        """Start over, as if nothing had been sent."""
        self.journal, self.run_id, self.offset, self.status = "", "", 0, []
        self.extra, self.files = {}, {}


def _stores(file: Path) -> dict[str, Any]:
    with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        content = read_json(file)
        if content.pop("format") == FORMAT:
            return dict(content["stores"])
    return {}

"""The cursor of a delivery: what MLflow has got, so that it never gets a metric twice.

It is a file beside the journal; losing it costs only time.

One file holds a record per store: a run that is also sent to a second store, say a group's server, is
sent there from the start and continues in the first where it was.
"""

from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bakeoff.files import read_json, write_json

FORMAT = 2
EXPERIMENT = "experiment"  # the key in `extra` of the experiment's id


@dataclass
class UploadedFile:
    """An uploaded file: its digest, and the size and time that show cheaply whether it has changed."""

    sha256: str
    size: int
    modified: int  # nanoseconds since the Unix epoch


@dataclass
class Cursor:
    """The run's id in one store, and how much of the run that store has."""

    uri: str = ""  # without credentials
    journal: str = ""  # its id
    run_id: str = ""
    offset: int = 0  # bytes of the journal
    status: list[Any] = field(default_factory=list)  # the last one sent, with its time
    extra: dict[str, str] = field(default_factory=dict)  # what else was sent, by its digest
    files: dict[str, UploadedFile] = field(default_factory=dict)

    @classmethod
    def load(cls, file: Path, uri: str) -> "Cursor":
        """The cursor that `file` has for the store at `uri`; an empty one if it has none, or is damaged."""
        with suppress(KeyError, TypeError, AttributeError):
            values = dict(_stores(file)[uri])
            values["files"] = {path: UploadedFile(**f) for path, f in values["files"].items()}
            return cls(uri=uri, **values)
        return cls(uri=uri)

    def save(self, file: Path) -> None:
        """Write the cursor into `file`, if it changed; other stores' records stay."""
        stores = _stores(file)
        values = asdict(self)
        del values["uri"]
        if stores.get(self.uri) != values:  # a flush to the disk is not cheap
            write_json(file, {"format": FORMAT, "stores": {**stores, self.uri: values}})

    def reset(self) -> None:
        """Start over, as if nothing had been sent."""
        self.journal, self.run_id, self.offset, self.status = "", "", 0, []
        self.extra, self.files = {}, {}


def _stores(file: Path) -> dict[str, Any]:
    with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        content = read_json(file)
        if content.pop("format") == FORMAT:
            return dict(content["stores"])
    return {}

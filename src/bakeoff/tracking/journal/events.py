"""The events of a journal: one a line, as JSON, in format version 1.

Every line has `v` (the format's version), `event` (its kind) and `time` (seconds since the Unix
epoch, UTC); the other keys are the fields of the class of that kind:

    {"v":1,"event":"run","time":...,"journal":"9f...","experiment":"demo","variant":"conv","seed":0,
     "digest":"..."}
    {"v":1,"event":"params","time":...,"values":{"training.lr":0.0001}}
    {"v":1,"event":"tags","time":...,"values":{"host":"gr001"}}
    {"v":1,"event":"dataset","time":...,"context":"train","name":"train.csv","digest":"...",
     "rows":600,"source":"results/demo/splits/train.csv"}
    {"v":1,"event":"metrics","time":...,"step":1,"values":{"train_loss":0.69,"val_auc":"NaN"}}
    {"v":1,"event":"artifact","time":...,"path":"best.safetensors","sha256":"...","bytes":1571336}
    {"v":1,"event":"status","time":...,"status":"FAILED","error":"loss is NaN","process":{...}}

JSON has no NaN and infinity: they are the texts "NaN", "Infinity" and "-Infinity". A reader skips
kinds that it does not know and refuses a higher version. Repeated events: see `deduplication`.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Literal, get_args

from bakeoff.errors import TrackingError

VERSION = 1

Scalar = str | int | float | bool | None
StatusName = Literal["RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"]
"""MLflow's own names; SCHEDULED is a run that was requeued and waits for its next job."""


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened to a run; `time` is in seconds since the Unix epoch."""

    kind: ClassVar[str]
    time: float


@dataclass(frozen=True, kw_only=True)
class RunStarted(Event):
    """The first line of a journal: `journal` is a random id, the same for every job of the run."""

    kind: ClassVar[str] = "run"
    journal: str
    experiment: str
    variant: str
    seed: int
    digest: str  # of the resolved configuration

    @property
    def is_pretraining(self) -> bool:
        """Whether it is a pretraining, `pretraining/<name>`, and no variant's run."""
        return self.variant.startswith("pretraining/")


@dataclass(frozen=True, kw_only=True)
class Params(Event):
    """The run's configuration, flat: `training.lr`."""

    kind: ClassVar[str] = "params"
    values: Mapping[str, Scalar]


DEVICES = "devices"
"""The tag of a run that was trained on several kinds of devices: which, in order."""


@dataclass(frozen=True, kw_only=True)
class Tags(Event):
    """What is known about the run; a later value replaces an earlier one."""

    kind: ClassVar[str] = "tags"
    values: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Dataset(Event):
    """A table that the run reads; `digest` identifies its content."""

    kind: ClassVar[str] = "dataset"
    context: str  # train, val or test
    name: str
    digest: str
    rows: int
    source: str


@dataclass(frozen=True, kw_only=True)
class Metrics(Event):
    """Measurements of one step (an epoch, counted from 1; 0 for what belongs to no epoch)."""

    kind: ClassVar[str] = "metrics"
    step: int
    values: Mapping[str, float]

    @property
    def is_sample(self) -> bool:
        """Whether these are system metrics: their steps are samples, not epochs."""
        return all(key.startswith("system/") for key in self.values)


@dataclass(frozen=True, kw_only=True)
class Artifact(Event):
    """A file of the run folder that is whole: its path there, and its digest and size at that time."""

    kind: ClassVar[str] = "artifact"
    path: str
    sha256: str
    bytes: int


@dataclass(frozen=True, kw_only=True)
class Status(Event):
    """A job of the run began or ended; `process` says where (host, pid, slurm_job_id, ...).

    `process["noticed_by"]` is the machine that found the job gone, where the job did not journal its end.
    """

    kind: ClassVar[str] = "status"
    status: StatusName
    error: str = ""
    process: Mapping[str, str] = field(default_factory=dict)

    @property
    def ended(self) -> bool:
        """Whether no further job of this run is expected."""
        return self.status in ("FINISHED", "FAILED", "KILLED")

    @property
    def is_presumed(self) -> bool:
        """Whether another process wrote it because nobody seemed to train; later metrics disprove it."""
        return "noticed_by" in self.process


_KINDS: dict[str, type[Event]] = {
    kind.kind: kind for kind in (RunStarted, Params, Tags, Dataset, Metrics, Artifact, Status)
}


def encode(event: Event) -> bytes:
    """One line of a journal, its newline included; ASCII, so that no cut splits a character."""
    fields = asdict(event)
    if isinstance(event, Metrics):
        fields["values"] = {key: _finite(float(value)) for key, value in event.values.items()}
    line = {"v": VERSION, "event": event.kind, **fields}
    return json.dumps(line, separators=(",", ":"), allow_nan=False).encode("ascii") + b"\n"


def decode(line: bytes, where: str) -> Event | None:
    """The event of one line, None for a kind that this version does not know.

    Raises TrackingError that begins with `where` for what is no event, or of a later version.
    """
    try:
        fields: dict[str, Any] = json.loads(line)
        version, kind = fields.pop("v"), fields.pop("event")
    except (ValueError, KeyError, TypeError, AttributeError):
        raise TrackingError(
            f"{where}: expected a journal event, found {line[:60]!r}. The file was changed or "
            "damaged: move it away and run the training again, or remove that line."
        ) from None
    if not isinstance(version, int) or version > VERSION:
        raise TrackingError(
            f"{where}: journal format {version!r}, this bakeoff reads up to {VERSION}. "
            "Use the version of bakeoff that wrote it, or a newer one."
        )
    if kind not in _KINDS:
        return None
    if kind == "metrics":
        fields["values"] = {key: float(value) for key, value in fields["values"].items()}
    try:
        return _KINDS[kind](**fields)
    except TypeError as error:
        raise TrackingError(f"{where}: not a '{kind}' event: {error}.") from None


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Scalar]:
    """A nested configuration as params: {"training": {"lr": 0.1}} -> {"training.lr": 0.1}."""
    flat: dict[str, Scalar] = {}
    for key, value in values.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{name}.")
        elif isinstance(value, get_args(Scalar)):
            flat[name] = value
        elif isinstance(value, list | tuple):
            flat[name] = ", ".join(map(str, value))
        else:
            flat[name] = str(value)
    return flat


def _finite(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")

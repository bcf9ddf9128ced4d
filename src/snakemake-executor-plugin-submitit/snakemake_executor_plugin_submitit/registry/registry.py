"""Which submission stands for which outputs, so that the next Snakemake finds its jobs again.

An entry is written before sbatch is called and completed after it. It disappears when Snakemake
has taken the result over. A job that starts looks up its entry: if another submission stands there,
or none, it ends at once, so whatever happens to the controlling Snakemake nothing runs twice.
"""

import hashlib
import json
import os
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from snakemake_executor_plugin_submitit import records
from snakemake_executor_plugin_submitit.direct import command
from snakemake_executor_plugin_submitit.job.heartbeat import Beat
from snakemake_executor_plugin_submitit.layout import Layout
from snakemake_executor_plugin_submitit.records import UnreadableError
from snakemake_executor_plugin_submitit.registry.identity import identity_of_outputs


@dataclass(frozen=True)
class Entry:
    """One submission."""

    identity: str
    key: str
    name: str
    digest: str  # of the command and all that it depends on
    cluster: str
    folder: str
    index: int  # in the array, or 0
    array: bool
    submitted: float  # seconds since 1970
    job_id: str = ""  # empty until sbatch has answered
    cancelled: bool = False
    resubmissions: int = 0
    request: str = ""  # the digest of what was asked of SLURM
    place: str = (
        ""  # SLURM's cluster by name, where it was chosen; several until sbatch has answered
    )
    logs: str = ""  # the folder of its log, where that is not `folder`

    @property
    def address(self) -> str:
        """The id that is unique among clusters: 12_3, or 12_3@other."""
        return f"{self.job_id}@{self.place}" if self.place else self.job_id

    @property
    def pulse(self) -> Path:
        """Where its job leaves signs of life."""
        return Path(self.folder) / f"{self.index}.beat"

    @property
    def beat(self) -> Beat | None:
        """The last sign of life that its job gave itself, None where none can be read."""
        return Beat.read(self.pulse)


class Registry:
    """The entries of one working directory."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout

    def read(self, identity: str) -> Entry | None:
        """The entry for these outputs, or None where there is none.

        Raises UnreadableError where that cannot be told: a job may run for them.
        """
        path = self._path(identity)
        values = records.settled(path)
        if values is None:
            return None
        known = {item.name for item in fields(Entry)}
        try:
            return Entry(**{name: value for name, value in values.items() if name in known})
        except TypeError:
            raise UnreadableError(f"{path} cannot be read (no entry of a job)") from None

    def entries(self) -> list[Entry]:
        """All entries. Raises UnreadableError where one cannot be read."""
        paths = sorted(self.layout.registry.glob("*.json"))
        found = [self.read(path.stem) for path in paths]
        return [entry for entry in found if entry is not None]

    def write(self, entry: Entry) -> None:
        """Write an entry; it replaces an earlier one for the same outputs."""
        records.write(self._path(entry.identity), asdict(entry))

    def forget(self, entry: Entry) -> None:
        """Remove an entry and its outcome, unless another submission has taken its place."""
        try:
            current = self.read(entry.identity)
        except UnreadableError:
            current = None  # the next Snakemake tells the user about it
        if current is not None and current.key == entry.key:
            self._path(entry.identity).unlink(missing_ok=True)
        self.layout.outcome(entry.key).unlink(missing_ok=True)

    def _path(self, identity: str) -> Path:
        return self.layout.registry / f"{identity}.json"


def identity_of(job: Any) -> str:
    """What a job makes, as a short hash; a job without outputs is known by rule and wildcards."""
    outputs = [str(file) for file in job.output]
    named = [f"{part.rule.name}:{dict(part.wildcards_dict)}" for part in parts_of(job)]
    return identity_of_outputs(outputs or named)


def digest_of(job: Any, workflow: Any) -> str:
    """Everything that decides what a job does: commands, parameters, code, inputs, environment.

    For shell rules the command says it all; rules with Python code also see the whole config.
    """
    persistence = workflow.persistence
    parts: list[Any] = []
    for part in sorted(parts_of(job), key=lambda part: str(part.rule.name) + str(part.output)):
        parts.append([part.rule.name, sorted(dict(part.wildcards_dict).items())])
        parts.append(
            [command.digest_text(part), persistence._code(part.rule), persistence._params(part)]
        )
        parts.append(persistence._software_stack_hash(part))
        parts.append([_state(str(file)) for file in part.input if not _ancient(file)])
        if not part.is_shell:
            parts.append([workflow.config, _script(part)])
    return _hash(parts)


def parts_of(job: Any) -> list[Any]:
    """The jobs of a group, or the job itself."""
    return list(job.jobs) if job.is_group() else [job]


def _script(job: Any) -> str:
    path = job.rule.script or job.rule.notebook
    if not path:
        return ""
    try:
        source = job._path_to_source_file(path).get_path_or_uri(secret_free=True)
        return Path(source).read_text(encoding="utf-8", errors="replace")
    except (OSError, AttributeError, TypeError):
        return str(path)


def _state(name: str) -> list[Any]:
    try:
        status = os.stat(name)  # noqa: PTH116 - thousands of inputs; Path objects cost more
    except OSError:
        return [name]
    # The time of a folder changes with whatever is written beside the inputs in it.
    return [name] if os.path.isdir(name) else [name, status.st_mtime_ns, status.st_size]  # noqa: PTH112


def _ancient(file: Any) -> bool:
    return bool((getattr(file, "flags", None) or {}).get("ancient"))


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()

"""Runs that were accepted: the digest of now that counts as the one that a run was trained under.

`bakeoff accept` writes `accepted.json` into the folder of a finished run whose model's code or trainer was
changed, once the model built now was seen to give the run's outputs. Who plans a run, trains it or loads
its weights asks here, so that all of them agree. What the digest says of now is what counts: any later
edit is planned with a digest that was not accepted.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from bakeoff.config.digest import pretraining_digest, run_digest
from bakeoff.config.pretraining import Pretraining
from bakeoff.config.schema import Data
from bakeoff.config.variants import Run
from bakeoff.errors import ConfigError
from bakeoff.files import read_json, sha256, write_json
from bakeoff.layout import RunFolder

TOLERANCE = 1e-5
"""Of a score in 0..1: what another processor, or another order of a sum, may make of the same model."""


@dataclass(frozen=True)
class Acceptance:
    """That what `digest` plans is what was trained under another one; who said so, and by what."""

    digest: str  # of the configuration and the code of then
    trained_under: str
    when: str  # ISO 8601, UTC
    who: str  # user@host
    bakeoff: str  # the version that compared
    git_commit: str | None
    git_dirty: bool | None
    compared: int  # outputs; 0 for a pretraining, which keeps none
    difference: float  # the largest one
    tolerance: float
    weights: str  # SHA-256 of the file that was compared

    def __str__(self) -> str:
        commit = f", commit {self.git_commit[:12]}" if self.git_commit else ""
        commit += " with uncommitted changes" if commit and self.git_dirty else ""
        largest = f"largest difference {self.difference:.3g}" if self.difference else "bit for bit"
        outputs = (
            f"{self.compared} outputs, {largest}" if self.compared else "by its variants' runs"
        )
        return (
            f"trained under digest {self.trained_under}, accepted as {self.digest} on {self.when} by "
            f"{self.who} with bakeoff {self.bakeoff}{commit}: {outputs} (tolerance {self.tolerance:g}); "
            "training itself was not compared"
        )


def planned_digest(run: Run, data: Data, folder: RunFolder) -> str:
    """What `train` depends on: the run's digest, or, once accepted, the one that it was trained under.

    `folder` is the run's. Raises ConfigError for a record of acceptances that cannot be read.
    """
    return _counted(run_digest(run, data), folder)


def planned_pretraining_digest(pretraining: Pretraining, folder: RunFolder) -> str:
    """What `pretrain` depends on, as `planned_digest` says it of a run."""
    return _counted(pretraining_digest(pretraining), folder)


def acceptances(folder: RunFolder) -> list[Acceptance]:
    """All that were recorded in a run's folder, the first one first."""
    try:
        return [_read(one) for one in read_json(folder.accepted)["accepted"]]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(
            f"{folder.accepted}: is no record of acceptances ({error!r}). Without the file the run counts "
            "as it was trained; `bakeoff accept` writes it anew."
        ) from error


def record(acceptance: Acceptance, folder: RunFolder) -> None:
    """Add one to the record in a run's folder, whole or not at all."""
    recorded = [
        *(one for one in acceptances(folder) if one.digest != acceptance.digest),
        acceptance,
    ]
    write_json(folder.accepted, {"accepted": [asdict(one) for one in recorded]})


def last_acceptance(folder: RunFolder) -> Acceptance | None:
    """The last one that is about the weights that are there; None for a run that was trained since."""
    for one in reversed(acceptances(folder)):
        if folder.best.exists() and sha256(folder.best) == one.weights:
            return one
    return None


def _counted(digest: str, folder: RunFolder) -> str:
    counted = {one.digest: one.trained_under for one in acceptances(folder)}
    return counted.get(digest, digest)


def _read(stated: Mapping[str, Any]) -> Acceptance:
    return Acceptance(**{field.name: stated[field.name] for field in fields(Acceptance)})

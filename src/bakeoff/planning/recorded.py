"""What is known of how a finished run or pretraining was planned, also where an earlier version trained it.

run.json says it; where that is of a version that did not note the digest, the command that trained has
it, or what Snakemake keeps of its job (`.snakemake/metadata`, a JSON file per output).
"""

import base64
import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from bakeoff.files import read_json
from bakeoff.layout import RunFolder

FIRST = 1
"""The trainer, and the pretrainer, of the versions that did not say which they had."""

METADATA = Path(".snakemake/metadata")

DIGEST = re.compile(r"[0-9a-f]{12}")


@dataclass(frozen=True)
class Recorded:
    """A finished run; what its version did not note is None."""

    config: Mapping[str, Any]  # all that it was made with, every default filled in
    weights: Mapping[str, Any]  # what it started from; empty where it started afresh
    planned: str | None  # its digest when it was planned
    code: str | None  # the digest of its model's code
    trainer: int
    pretrainer: int
    commit: str | None
    version: str | None  # of bakeoff
    seconds: float  # that it trained

    @property
    def origin(self) -> str:
        """Which code trained it, in words."""
        version = f"bakeoff {self.version}" if self.version else "bakeoff"
        return f"{version} at commit {self.commit[:8]}" if self.commit else version


def recorded(folder: RunFolder) -> Recorded | None:
    """What is known of the finished run in a folder; None where there is none, or nothing can be read."""
    try:
        stated = read_json(folder.run_json)
        provenance = dict(stated.get("provenance") or {})
        found = Recorded(
            config=dict(stated["config"]),
            weights=dict(stated.get("weights") or {}),
            planned=provenance.get("planned_digest")
            or _planned_by(provenance.get("command"))
            or _in_snakemake(folder.best),
            code=provenance.get("code_digest"),
            trainer=int(provenance.get("trainer", FIRST)),
            pretrainer=int(provenance.get("pretrainer", FIRST)),
            commit=provenance.get("git_commit"),
            version=dict(provenance.get("versions") or {}).get("bakeoff"),
            seconds=float(provenance.get("seconds") or 0.0),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return found if folder.best.exists() else None


def _planned_by(command: object) -> str | None:
    """The digest that Snakemake gave the command that trained: what earlier versions noted of it."""
    try:
        words = shlex.split(str(command or ""))
    except ValueError:  # free text, which the first versions noted without quotes
        return None
    given = [after for word, after in pairwise(words) if word == "--digest"]
    return given[-1] if given and DIGEST.fullmatch(given[-1]) else None


def forget_other_plan(output: Path, planned: str) -> None:
    """Let Snakemake not know how a file was made that was made anew, under another digest, by another job.

    What a pack of runs trains is no output of its job. Were such a run trained by itself before, Snakemake
    would find that it was planned otherwise, and have it published once more.
    """
    if _in_snakemake(output) not in (None, planned):
        _metadata(output).unlink(missing_ok=True)


def _metadata(output: Path) -> Path:
    return METADATA / base64.urlsafe_b64encode(str(output).encode()).decode()


def _in_snakemake(output: Path) -> str | None:
    """The digest among the parameters that Snakemake compares, where it knows how the file was made."""
    try:
        params = json.loads(_metadata(output).read_text(encoding="utf-8"))["params"]
        found = [DIGEST.fullmatch(str(one).strip("'\"")) for one in params]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return next((one[0] for one in found if one), None)

"""What is written of a run that was accepted: its record, and what run.json and the journal tell of it."""

import getpass
import os
import platform
from datetime import UTC, datetime

from bakeoff import __version__
from bakeoff.config.accepted import Acceptance, record
from bakeoff.files import read_json, sha256, write_json
from bakeoff.layout import RunFolder
from bakeoff.planning.outputs import Comparison
from bakeoff.planning.reruns import Rerun
from bakeoff.tracking.journal.journal import NAME, Journal
from bakeoff.training.commit import commit_of


def write_acceptance(rerun: Rerun, found: Comparison, digest: str, tolerance: float) -> None:
    """Record that `digest` counts as what the run was trained under: first what counts, then what is told."""
    folder, commit = rerun.folder, commit_of([])
    accepted = Acceptance(
        digest=digest,
        trained_under=str(rerun.recorded.planned),
        when=datetime.now(UTC).isoformat(timespec="seconds"),
        who=f"{_user()}@{platform.node()}",
        bakeoff=__version__,
        git_commit=commit["git_commit"],
        git_dirty=commit["git_dirty"],
        compared=found.outputs,
        difference=found.difference,
        tolerance=tolerance,
        weights=sha256(folder.best),
    )
    record(accepted, folder)
    _say(str(accepted), folder)


def _say(text: str, folder: RunFolder) -> None:
    stated = read_json(folder.run_json)
    age = folder.run_json.stat()
    write_json(
        folder.run_json, {**stated, "provenance": {**stated["provenance"], "accepted": text}}
    )
    # A newer run.json would make Snakemake evaluate again what is the same.
    os.utime(folder.run_json, ns=(age.st_atime_ns, age.st_mtime_ns))
    if (journal := folder.path / NAME).exists():
        writer = Journal(journal)
        writer.tags({"accepted": text})
        writer.artifact(folder.run_json.name)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # an account that this machine does not know
        return str(os.getuid())

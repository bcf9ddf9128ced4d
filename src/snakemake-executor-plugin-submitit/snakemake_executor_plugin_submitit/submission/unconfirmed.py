"""Submissions whose answer was never heard: SLURM may have taken them all the same."""

import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from snakemake_executor_plugin_submitit.backends.backend import Backend
from snakemake_executor_plugin_submitit.registry.registry import Entry, Registry

# How long an sbatch of a dead Snakemake may still be on its way.
IN_FLIGHT = 20.0


class Search:
    """One search for several jobs: SLURM is asked once for every folder, not for every job."""

    def __init__(self, backend: Backend, registry: Registry) -> None:
        self.backend = backend
        self.registry = registry
        self._found: dict[str, str | None] = {}

    def complete(self, entry: Entry) -> Entry:
        """The entry with its id, noted as well; as it was where SLURM knows no such job.

        Raises UnreachableError.
        """
        if entry.job_id:
            return entry
        beat = entry.beat
        if beat is not None and beat.job_id:  # it has begun, and says itself who it is
            entry = replace(entry, job_id=beat.job_id)
        else:
            if entry.folder not in self._found:
                self._found[entry.folder] = self.backend.find(Path(entry.folder), entry.place)
            found = self._found[entry.folder]
            if found is None:
                return entry
            job_id, _, place = found.partition("@")
            job_id = f"{job_id}_{entry.index}" if entry.array else job_id
            entry = replace(entry, job_id=job_id, place=place)
        with suppress(OSError):  # a full disk: it can be found again
            self.registry.write(entry)
        return entry


def may_appear(entry: Entry) -> bool:
    """Whether a submission without an id may be on its way to SLURM still."""
    return not entry.job_id and time.time() - entry.submitted < IN_FLIGHT

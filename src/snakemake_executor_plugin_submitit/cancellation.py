"""Ctrl-C: cancel everything that was submitted, also when SLURM is slow to answer."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from snakemake_executor_plugin_submitit.backends import Backend
from snakemake_executor_plugin_submitit.registry import Entry, Registry
from snakemake_executor_plugin_submitit.slurm import UnreachableError
from snakemake_executor_plugin_submitit.tasks import Task
from snakemake_executor_plugin_submitit.unheard import Search, may_appear

# As long as slurmctld may take to come back; Ctrl-C again ends the waiting.
PATIENCE = 300.0


def cancel_all(
    tasks: Sequence[Task],
    registry: Registry,
    backend: Backend,
    cluster: str,
    talking: threading.Lock,
    tell: Callable[[str], None],
) -> None:
    """Cancel the jobs and note it, so that the next Snakemake does not take them over."""
    if not talking.acquire(blocking=False):
        tell("A submission is on its way; its jobs are cancelled with the others.")
        talking.acquire(timeout=PATIENCE)
    entries: list[Entry] = []
    for task in tasks:
        # One that an earlier Snakemake left, and that is being looked at, is known by its entry alone.
        entry = task.entry or registry.read(task.identity)
        if entry is None or entry.cluster != cluster:
            continue
        entry = replace(entry, cancelled=True)
        entries.append(entry)
        try:
            registry.write(entry)
        except OSError as error:
            tell(f"{task.name}: the cancellation could not be noted: {error}")
    left = _cancel(entries, registry, backend, tell)
    ids = [entry.job_id for entry in left if entry.job_id]
    if ids:
        tell(f"These jobs may still run: scancel {' '.join(ids)}")
    for folder in sorted({entry.folder for entry in left if not entry.job_id}):
        tell(f"SLURM never answered to a submission; it may still run: {folder}")


def _cancel(
    entries: list[Entry], registry: Registry, backend: Backend, tell: Callable[[str], None]
) -> list[Entry]:
    """Cancel jobs, those whose id was never heard as well; returns what may still run."""
    deadline = time.monotonic() + PATIENCE
    pause, cancelled = 1.0, 0
    try:
        while entries:
            try:
                search = Search(backend, registry)
                entries = [search.complete(entry) for entry in entries]
                ids = [entry.job_id for entry in entries if entry.job_id]
                backend.cancel(ids)
                cancelled += len(ids)
                entries = [entry for entry in entries if may_appear(entry)]
                pause = 1.0
            except UnreachableError as error:
                if time.monotonic() > deadline:
                    break
                tell(f"SLURM does not answer; cancelling is tried again: {error}")
            if entries:
                time.sleep(pause)
                pause = min(15.0, pause * 2)
    except KeyboardInterrupt:
        pass
    if cancelled:
        tell(f"{cancelled} jobs are cancelled.")
    return entries

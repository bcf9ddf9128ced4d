"""Ctrl-C: cancel everything that was submitted, also when SLURM is slow to answer."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from snakemake_executor_plugin_submitit.backends.backend import Backend
from snakemake_executor_plugin_submitit.interrupts import Interrupts
from snakemake_executor_plugin_submitit.records import UnreadableError
from snakemake_executor_plugin_submitit.registry.registry import Entry, Registry
from snakemake_executor_plugin_submitit.registry.tasks import Task
from snakemake_executor_plugin_submitit.slurm import commands
from snakemake_executor_plugin_submitit.slurm.commands import UnreachableError
from snakemake_executor_plugin_submitit.submission.unconfirmed import Search, may_appear

# Seconds for a submission that is on its way, before its command is ended.
ON_ITS_WAY = 10.0


def cancel_all(
    tasks: Sequence[Task],
    registry: Registry,
    backend: Backend,
    cluster: str,
    query_lock: threading.Lock,
    interrupts: Interrupts,
    log: Callable[[str], None],
) -> None:
    """Cancel the jobs and note it, so that they end themselves and the next Snakemake starts anew.

    Waits for SLURM only as long as `interrupts` allows.
    """
    deadline = time.monotonic() + interrupts.patience
    commands.end(after=interrupts.patience)
    if not query_lock.acquire(blocking=False):
        log("A conversation with SLURM is going on; what it submits is cancelled with the others.")
        soon = time.monotonic() + min(ON_ITS_WAY, interrupts.patience / 2)
        while not query_lock.acquire(timeout=0.1):
            if time.monotonic() > soon or interrupts.hurry.is_set():
                commands.end_conversation()
            if time.monotonic() > deadline + 2 * commands.DYING:
                break  # its command hangs in the kernel
    entries: list[Entry] = []
    for task in tasks:
        # One that an earlier Snakemake left, and that is being looked at, is known by its entry alone.
        try:
            entry = task.entry or registry.read(task.identity)
        except UnreadableError as error:
            log(f"{task.name}: {error}; a job that it is about may still run.")
            continue
        if entry is None or entry.cluster != cluster:
            continue
        entry = replace(entry, cancelled=True)
        entries.append(entry)
        try:
            registry.write(entry)
        except OSError as error:
            log(f"{task.name}: the cancellation could not be noted: {error}")
    left = _cancel(entries, registry, backend, interrupts, deadline, log)
    for place in sorted({entry.place for entry in left if entry.job_id}):
        ids = [entry.job_id for entry in left if entry.job_id and entry.place == place]
        there = f"--clusters={place} " if place else ""
        log(f"These jobs may still run: scancel {there}{' '.join(ids)}")
    for folder in sorted({entry.folder for entry in left if not entry.job_id}):
        log(f"SLURM never answered to a submission; it may still run: {folder}")
    if left:
        log(
            "They are noted as cancelled: one that runs or starts sees it and ends itself. The next "
            "start of Snakemake takes care of them before it submits them again."
        )


def _cancel(
    entries: list[Entry],
    registry: Registry,
    backend: Backend,
    interrupts: Interrupts,
    deadline: float,
    log: Callable[[str], None],
) -> list[Entry]:
    """Cancel jobs, those whose id was never heard as well; returns what may still run."""
    pause, cancelled = 1.0, 0
    while entries:
        try:
            # Those whose id is known do not wait for the search.
            ids = [entry.address for entry in entries if entry.job_id]
            backend.cancel(ids)
            cancelled += len(ids)
            entries = [entry for entry in entries if not entry.job_id]
            search = Search(backend, registry)
            found = [search.complete(entry) for entry in entries]
            entries = [entry for entry in found if entry.job_id or may_appear(entry)]
            pause = 1.0
        except UnreachableError as error:
            if interrupts.hurry.is_set() or time.monotonic() >= deadline:
                break
            log(f"SLURM does not answer; cancelling is tried again: {error}")
        if entries:
            if interrupts.hurry.wait(min(pause, max(0.0, deadline - time.monotonic()))):
                break
            pause = min(15.0, pause * 2)
    if cancelled:
        log(f"{cancelled} jobs are cancelled.")
    return entries

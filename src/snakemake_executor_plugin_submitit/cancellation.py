"""Ctrl-C: cancel everything that was submitted, also when SLURM is slow to answer."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from snakemake_executor_plugin_submitit.backends import Backend
from snakemake_executor_plugin_submitit.registry import Registry
from snakemake_executor_plugin_submitit.slurm import UnreachableError
from snakemake_executor_plugin_submitit.tasks import Task

# As long as slurmctld may take to come back; Ctrl-C again ends the waiting.
PATIENCE = 300.0


def cancel_all(
    tasks: Sequence[Task],
    registry: Registry,
    backend: Backend,
    talking: threading.Lock,
    tell: Callable[[str], None],
) -> None:
    """Cancel the jobs and note it, so that the next Snakemake does not take them over."""
    if not talking.acquire(blocking=False):
        tell("A submission is on its way; its jobs are cancelled with the others.")
        talking.acquire(timeout=PATIENCE)
    ids: list[str] = []
    for task in tasks:
        if task.entry is not None:
            task.entry = replace(task.entry, cancelled=True)
            ids += [task.entry.job_id] if task.entry.job_id else []
            try:
                registry.write(task.entry)
            except OSError as error:
                tell(f"{task.name}: the cancellation could not be noted: {error}")
    deadline = time.monotonic() + PATIENCE
    pause = 1.0
    try:
        while ids:
            try:
                backend.cancel(ids)
                tell(f"{len(ids)} jobs are cancelled.")
                return
            except UnreachableError as error:
                if time.monotonic() > deadline:
                    break
                tell(f"SLURM does not answer; cancelling is tried again: {error}")
                time.sleep(pause)
                pause = min(15.0, pause * 2)
    except KeyboardInterrupt:
        pass
    if ids:
        tell(f"These jobs may still run: scancel {' '.join(ids)}")

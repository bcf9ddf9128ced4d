"""A training job: it holds the run's folder, listens for stop notices, and logs its start and end."""

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import torch

from bakeoff.layout import RunFolder
from bakeoff.training.allocator import keep_freed_memory
from bakeoff.training.checkpoint import CheckpointFolder
from bakeoff.training.distributed import World
from bakeoff.training.run_lock import exclusive
from bakeoff.training.stop import StopNotice, Stopped

JOBS_LOG = "attempts.log"  # named so since the first version


@contextmanager
def training_job(
    folder: RunFolder, device: torch.device, *, fresh: bool
) -> Iterator[tuple[StopNotice, World, torch.device]]:
    """Hold a run's folder for this job; its notice, its processes, and the device of this one.

    `fresh` forgets the checkpoints first. Raises TrainingError where another job holds the folder, or
    the other processes of the job do not start.
    """
    keep_freed_memory()
    world = World.from_environment()
    own = world.device(device)
    # Listen first: a job that gets a notice while it still loads has nothing to save.
    with StopNotice() as notice, ExitStack() as stack:
        if world.writes:
            stack.enter_context(exclusive(folder.checkpoints, notice))
            checkpoints = CheckpointFolder(folder.checkpoints)
            checkpoints.remove_leftovers()
            if fresh:
                checkpoints.clear()
        stack.enter_context(world.joined(folder.checkpoints, own))
        if world.writes:
            stack.enter_context(_logged(folder.checkpoints / JOBS_LOG))
        yield notice, world, own


@contextmanager
def _logged(file: Path) -> Iterator[None]:
    """Append when each job of a run begins and why it stops; Snakemake deletes a job's own log."""
    handler = logging.FileHandler(file)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    logger = logging.getLogger("bakeoff")
    logger.addHandler(handler)
    try:
        yield
    except Stopped as stopped:
        logger.info("%s", stopped)
        raise
    finally:
        logger.removeHandler(handler)
        handler.close()

"""A training job: it holds the run's folder, listens for stop notices, and logs its start and end."""

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch

from bakeoff.cores import busy, cores
from bakeoff.layout import RunFolder
from bakeoff.training.allocator import keep_freed_memory
from bakeoff.training.checkpoint import CheckpointFolder
from bakeoff.training.distributed import World
from bakeoff.training.randomness import refusals_explained
from bakeoff.training.run_lock import exclusive
from bakeoff.training.stop import StopNotice, Stopped

JOBS_LOG = "attempts.log"  # named so since the first version


@contextmanager
def training_job(
    folder: RunFolder, device: torch.device, *, fresh: bool
) -> Iterator[tuple[StopNotice, World, torch.device]]:
    """Hold a run's folder for this job; its notice, its processes, and the device of this one.

    `fresh` forgets the checkpoints first. Raises TrainingError where another job holds the folder, or
    the other processes of the job do not start, or torch refuses an operator for the sake of determinism.
    """
    keep_freed_memory()
    world = World.from_environment()
    own = world.device(device)
    # Listen first: a job that gets a notice while it still loads has nothing to save.
    with StopNotice() as notice, ExitStack() as stack:
        if world.writes:
            stack.enter_context(held(folder, notice, fresh=fresh))
        stack.enter_context(world.joined(folder.checkpoints, own))
        if world.writes:
            stack.enter_context(_logged(folder))
        with refusals_explained():
            yield notice, world, own


def warn_of_threads(threads: int) -> None:
    """Log where a run has more threads than there are cores for them."""
    given = cores()
    if said := given.too_few(threads) or busy(threads, given):
        logging.getLogger("bakeoff").warning("%s.", said)


@contextmanager
def held(folder: RunFolder, notice: StopNotice, *, fresh: bool) -> Iterator[None]:
    """Hold a run's folder, without what an earlier job left half written; `fresh`: without checkpoints."""
    with exclusive(folder.checkpoints, notice):
        checkpoints = CheckpointFolder(folder.checkpoints)
        checkpoints.recover()
        if fresh:
            checkpoints.clear()
        yield


def jobs_log(folder: RunFolder) -> logging.FileHandler:
    """Appends when each job of a run begins and why it stops; Snakemake deletes a job's own log."""
    handler = logging.FileHandler(folder.checkpoints / JOBS_LOG)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    return handler


@contextmanager
def _logged(folder: RunFolder) -> Iterator[None]:
    """Take what is logged to the run's `jobs_log`, and why it stops."""
    handler = jobs_log(folder)
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

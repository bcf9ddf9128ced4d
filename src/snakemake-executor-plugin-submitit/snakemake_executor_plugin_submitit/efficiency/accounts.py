"""Asking SLURM's accounting what jobs used: about all of them at once, and never for long."""

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

from snakemake_executor_plugin_submitit.efficiency import sacct
from snakemake_executor_plugin_submitit.efficiency.sacct import Attempt
from snakemake_executor_plugin_submitit.slurm import commands
from snakemake_executor_plugin_submitit.slurm.commands import RefusedError, UnreachableError

# So many jobs in one question: their numbers stand in its command line.
CHUNK = 2000
# Seconds before a job's submission that are looked back, as clocks differ.
BEFORE = 3600
# Between two questions about jobs that ended a moment ago: the accounting hears of it a little later.
PAUSE = 1.0


def ask(
    jobs: Mapping[str, float], patience: float, log: Callable[[str], None]
) -> dict[str, list[Attempt]]:
    """The attempts of jobs, which are given as 12_3 or 12_3@cluster with when they were submitted.

    Those whose end is not known there yet are asked about again, for `patience` seconds in all.
    Empty where there is no accounting; `log` says why.
    """
    deadline = time.monotonic() + patience
    found: dict[str, list[Attempt]] = {}
    left, silent = dict(jobs), dict[str, str]()
    while left:
        for cluster, numbers, since in _questions(left):
            try:
                known = sacct.read(_sacct(cluster, numbers, since, deadline - time.monotonic()))
            except UnreachableError as error:
                silent[cluster] = _reason(error)
                continue
            named = {f"{one}@{cluster}" if cluster else one: known[one] for one in known}
            found |= {address: named[address] for address in named.keys() & left.keys()}
        left = {
            address: since
            for address, since in left.items()
            if (address not in found or not found[address][-1].settled)
            and address.partition("@")[2] not in silent
        }
        if left and time.monotonic() + PAUSE >= deadline:
            break
        if left:
            time.sleep(PAUSE)
    for cluster, reason in silent.items():
        of = f" of {cluster}" if cluster else ""
        log(f"The accounting{of} does not tell what all jobs used: {reason}")
    return found


def _sacct(cluster: str, numbers: list[str], since: float, patience: float) -> str:
    # Numbers are given once more after years, or when a site begins anew.
    start = datetime.fromtimestamp(since - BEFORE).strftime("%Y-%m-%dT%H:%M:%S")
    return commands.run("sacct", "--duplicates", "--parsable2", "--noheader",
                     f"--jobs={','.join(numbers)}", f"--starttime={start}",
                     f"--format={','.join(sacct.FIELDS)}",
                     *([f"--clusters={cluster}"] if cluster else []),
                     timeout=max(1.0, patience))  # fmt: skip


def _questions(jobs: Mapping[str, float]) -> Iterator[tuple[str, list[str], float]]:
    """A cluster, numbers of its jobs and arrays, and since when they are."""
    by_cluster: dict[str, dict[str, float]] = {}
    for address, since in jobs.items():
        job_id, _, cluster = address.partition("@")
        numbers = by_cluster.setdefault(cluster, {})
        number = job_id.partition("_")[0]
        numbers[number] = min(since, numbers.get(number, since))
    for cluster, numbers in by_cluster.items():
        ordered = sorted(numbers)
        for begin in range(0, len(ordered), CHUNK):
            chunk = ordered[begin : begin + CHUNK]
            yield cluster, chunk, min(numbers[number] for number in chunk)


def _reason(error: UnreachableError) -> str:
    reason = error.output if isinstance(error, RefusedError) else str(error)
    return reason.strip().splitlines()[0][:120]

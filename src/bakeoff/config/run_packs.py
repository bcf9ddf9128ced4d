"""Which runs share a job: `training.pack`.

It follows from the configuration alone, never from what is there: every Snakemake that reads it, that of a
job too, has to see the same jobs.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import count

from bakeoff.config.variants import Run


def run_packs(runs: Iterable[Run]) -> Mapping[int, tuple[Run, ...]]:
    """The runs of each job that trains more than one, by its number, from 1 on.

    In the order of the configuration, so many runs as `training.pack` says, of those that want the same of
    the job: its resources, and what is one for a process (threads, device, deterministic kernels).
    """
    alike: dict[object, list[Run]] = {}
    for run in runs:
        variant, training = run.variant, run.variant.training
        whole = (training.threads, training.device, training.deterministic)
        asked = variant.resources.model_dump_json()
        alike.setdefault((training.pack, *whole, asked), []).append(run)
    return dict(zip(count(1), _full(alike.values()), strict=False))


def _full(groups: Iterable[list[Run]]) -> Iterator[tuple[Run, ...]]:
    """The groups cut into packs; a run that is left over has a job of its own."""
    for group in groups:
        size = group[0].variant.training.pack
        packs = (tuple(group[at : at + size]) for at in range(0, len(group), size))
        yield from (pack for pack in packs if len(pack) > 1)

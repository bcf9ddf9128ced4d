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
        pack, asked = run.variant.training.pack, run.variant.resources.model_dump_json()
        alike.setdefault((pack, *of_the_process(run).values(), asked), []).append(run)
    return dict(zip(count(1), _full(alike.values()), strict=False))


def of_the_process(run: Run) -> dict[str, object]:
    """What a process has once, and runs that share one have to agree in: by their keys of `training`."""
    return {
        key: getattr(run.variant.training, key) for key in ("threads", "device", "deterministic")
    }


def _full(groups: Iterable[list[Run]]) -> Iterator[tuple[Run, ...]]:
    """The groups cut into packs; a run that is left over has a job of its own."""
    for group in groups:
        size = group[0].variant.training.pack
        packs = (tuple(group[at : at + size]) for at in range(0, len(group), size))
        yield from (pack for pack in packs if len(pack) > 1)

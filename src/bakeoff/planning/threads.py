"""Threads of runs against the cores that they are given: what a configuration says of both."""

from collections.abc import Iterator

from bakeoff.config.experiment import Experiment, Variant
from bakeoff.cores import Cores
from bakeoff.wording import listed


def more_than_asked_for(experiment: Experiment) -> Iterator[str]:
    """A sentence for runs that ask a cluster for fewer cores than they have threads."""
    named: dict[tuple[int, int], list[str]] = {}
    for name, variant in _trained(experiment):
        threads, asked = variant.training.threads, variant.resources.cpus_per_task
        if asked is not None and asked < threads:
            named.setdefault((threads, asked), []).append(name)
    for (threads, asked), names in named.items():
        few = Cores(asked, "resources.cpus_per_task asks for").too_few(threads)
        yield f"{listed(names)}: {few}"


def more_than_here(experiment: Experiment, given: Cores) -> Iterator[str]:
    """A sentence for runs that have more threads than this machine's cores."""
    named: dict[str, list[str]] = {}
    for name, variant in _trained(experiment):
        if few := given.too_few(variant.training.threads):
            named.setdefault(few, []).append(name)
    for few, names in named.items():
        yield f"{listed(names)}: {few}"


def _trained(experiment: Experiment) -> Iterator[tuple[str, Variant]]:
    yield from ((variant.name, variant) for variant in experiment.variants)
    yield from ((one.weights, one.variant) for one in experiment.started_from())

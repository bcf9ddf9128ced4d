"""What a person is affected of the finished runs that would be trained again."""

from collections.abc import Iterator, Sequence

from bakeoff.pace import spell
from bakeoff.planning.reruns import Rerun

COMMAND = "    "
"""Before a command, which a terminal is to show in one piece, to be copied."""


def rerun_lines(affected: Sequence[Rerun], accept: str) -> Iterator[str]:
    """How many, what they took, which ones and why; `accept` is the command that may keep some of them.

    Runs of a variant that have the same reasons share a line. Nothing where there are none.
    """
    if not affected:
        return
    runs, pretrainings = (
        sum((one.seed is None) is kind for one in affected) for kind in (False, True)
    )
    counted = [f"{runs} finished run{'s' * (runs != 1)}"] if runs else []
    if pretrainings:
        counted.append(f"{pretrainings} pretraining{'s' * (pretrainings != 1)}")
    took = spell(sum(one.recorded.seconds for one in affected))
    yield f"The next snakemake trains {' and '.join(counted)} again; they took {took}:"
    groups: dict[tuple[str, str], list[Rerun]] = {}
    for one in affected:
        groups.setdefault((one.name, one.why), []).append(one)
    for (name, why), alike in groups.items():
        seeds = [str(one.seed) for one in alike if one.seed is not None]
        which = f"{name}, seed{'s' * (len(seeds) > 1)} {', '.join(seeds)}" if seeds else name
        yield f"  {which}: {why}"
    if kept := sum(one.by_code_alone for one in affected):
        each = (
            "it" if len(affected) == 1 else "them" if kept == len(affected) else f"{kept} of them"
        )
        yield f"If the code of now gives the same outputs, this keeps {each}:"
        yield f"{COMMAND}{accept}"

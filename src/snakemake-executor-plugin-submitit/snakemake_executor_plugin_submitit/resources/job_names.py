"""Names of jobs as people see them in squeue: `train.vit_b16.seed-0`."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

LONGEST = 120


def job_name(rule: str, wildcards: Mapping[str, str]) -> str:
    """The rule and its wildcards; a number alone would say nothing, so it keeps its wildcard's name.

    >>> job_name("train", {"variant": "vit_b16", "seed": "0"})
    'train.vit_b16.seed-0'
    """
    parts = [rule]
    for name, value in wildcards.items():
        parts.append(f"{name}-{value}" if re.fullmatch(r"[\d.+-]*", str(value)) else str(value))
    return clean(".".join(parts))


def group_name(group: str, rules: Sequence[str]) -> str:
    """A group job: its rules in order; Snakemake's own group names are random letters.

    >>> group_name("b9f0", ["split", "train", "train"])
    'group.split.train'
    """
    return clean(".".join(["group", *dict.fromkeys(rules)]) if rules else f"group.{group}")


def array_name(names: Sequence[str]) -> str:
    """What the names of an array's jobs have in common, with * where they differ.

    >>> array_name(["train.conv.seed-0", "train.vit_b16.seed-0"])
    'train.*.seed-0'
    >>> array_name(["evaluate.conv", "baselines"])
    'baselines+evaluate'
    """
    if len(set(names)) == 1:
        return names[0]
    split = [name.split(".") for name in names]
    first = sorted({parts[0] for parts in split})
    if len(first) > 1:
        return clean("+".join(first))
    if len({len(parts) for parts in split}) > 1:
        return f"{first[0]}.*"
    columns = [set(parts) for parts in zip(*split, strict=True)]
    return ".".join(column.pop() if len(column) == 1 else "*" for column in columns)


def prefixed(prefix: str, name: str) -> str:
    """The name in the queue.

    >>> prefixed("lab5", "train.conv.seed-0"), prefixed("", "report")
    ('lab5.train.conv.seed-0', 'report')
    """
    return f"{prefix}.{name}" if prefix else name


def clean(name: str) -> str:
    """Only characters that SLURM and shells take as they are, and no name without end."""
    return re.sub(r"[^\w.+=@-]+", "_", name)[:LONGEST] or "job"


def title(job: Any) -> str:
    """A job or group of Snakemake's in messages: `rule train (seed=0, variant=vit)`."""
    if job.is_group():
        return f"group {job.groupid} of {', '.join(sorted({part.rule.name for part in job.jobs}))}"
    wildcards = ", ".join(f"{name}={value}" for name, value in job.wildcards_dict.items())
    return f"rule {job.rule.name}" + (f" ({wildcards})" if wildcards else "")

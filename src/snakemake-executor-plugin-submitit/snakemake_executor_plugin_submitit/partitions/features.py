"""Node features: whether the nodes that have some satisfy a `--constraint`."""

import re
from collections.abc import Collection

TOKEN = re.compile(r"[()\[\]&,|]|[^()\[\]&,|\s]+")


def satisfied(constraint: str, features: Collection[str]) -> bool:
    """Whether nodes with these features fulfil what sbatch's `--constraint` asks for.

    `&` and `,` mean and, `|` means or and binds less, brackets group. Counts, as in `[rome*2&ib*4]`, are
    about several kinds of nodes and left to SLURM, as is what cannot be read: True.

    >>> satisfied("rome&(ib|opa)", ["rome", "opa"]), satisfied("[h200|l40s]", ["v100"])
    (True, False)
    """
    tokens = TOKEN.findall(constraint)
    if not tokens or "*" in constraint:
        return True
    try:
        value = _either(tokens, features)
    except IndexError:
        return True
    return value or bool(tokens)


def _either(tokens: list[str], features: Collection[str]) -> bool:
    value = _both(tokens, features)
    while tokens and tokens[0] == "|":
        tokens.pop(0)
        value = _both(tokens, features) or value
    return value


def _both(tokens: list[str], features: Collection[str]) -> bool:
    value = _one(tokens, features)
    while tokens and tokens[0] in "&,":
        tokens.pop(0)
        value = _one(tokens, features) and value
    return value


def _one(tokens: list[str], features: Collection[str]) -> bool:
    token = tokens.pop(0)
    if token in "([":
        value = _either(tokens, features)
        tokens.pop(0)
        return value
    return token in features

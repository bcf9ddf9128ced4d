"""Suggestions for misspelled names: the known names nearest to an unknown one, if any is near."""

import re
from collections.abc import Iterable
from difflib import SequenceMatcher

NEAR = 0.65
"""Share of letters in common (difflib's ratio) from which a name is near: `deep` is to `depth`."""

SHORT = 3
"""Letters up to which names with one other letter count as different words (`neg`, `peg`)."""


def nearest(name: str, known: Iterable[str], most: int = 1) -> list[str]:
    """The `most` known names nearest to `name`, the nearest first; empty where none is near.

    A name that differs in case, blanks or punctuation alone is the nearest: `NEG` is `neg`. Then those that
    begin or end as the other does (`Patient` and `Patient ID`), and those with most letters in common.
    """
    wanted = _plain(name)
    rated = [(_nearness(name, wanted, other), other) for other in dict.fromkeys(known)]
    # A stable sort: of equally near ones the first known stays first.
    ordered = sorted((pair for pair in rated if pair[0] >= NEAR), key=lambda pair: -pair[0])
    exact = [other for rating, other in ordered if rating >= 2]
    return (exact or [other for _, other in ordered])[:most]


def did_you_mean(name: str, known: Iterable[str], most: int = 1) -> str:
    """`Did you mean 'X'?`, or ` 'X' or 'Y'?` for several; empty where nothing is near."""
    near = nearest(name, known, most)
    return f"Did you mean {' or '.join(repr(one) for one in near)}?" if near else ""


def _nearness(name: str, wanted: str, other: str) -> float:
    """2 to 3 for what differs in case, blanks and punctuation alone, else 0 to 1."""
    plain = _plain(other)
    if not wanted or not plain:
        return 0.0
    if wanted == plain:
        return 2 + SequenceMatcher(None, name, other).ratio()
    similarity = SequenceMatcher(None, wanted, plain).ratio()
    short, long = sorted((wanted, plain), key=len)
    is_part = len(short) >= SHORT and len(long) <= 3 * len(short)
    if is_part and (long.startswith(short) or long.endswith(short)):
        return max(similarity, NEAR)
    return similarity if len(short) > SHORT else 0.0


def _plain(name: str) -> str:
    return re.sub(r"[\W_]", "", name).casefold()

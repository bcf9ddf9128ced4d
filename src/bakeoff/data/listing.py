"""Naming many things in one sentence of an error or a warning: the first twenty, and how many more."""

from collections.abc import Sequence
from difflib import get_close_matches

SHOWN = 20


def listed(things: Sequence[object], separator: str = ", ") -> str:
    """The first 20 of `things`, separated, then how many more there are."""
    rest = f"{separator}and {len(things) - SHOWN} more" if len(things) > SHOWN else ""
    return separator.join(str(thing) for thing in things[:SHOWN]) + rest


def nearest(name: str, known: Sequence[str]) -> str:
    """`Did you mean 'X'?` for the known name most like `name`, or nothing where none is."""
    folded = {other.casefold(): other for other in reversed(known)}
    near = get_close_matches(name.casefold(), list(folded), n=1, cutoff=0.6)
    return f"Did you mean '{folded[near[0]]}'?" if near else ""

"""Naming many things in one sentence of an error or a warning: the first twenty, and how many more."""

from collections.abc import Sequence

SHOWN = 20


def listed(things: Sequence[object], separator: str = ", ") -> str:
    """The first 20 of `things`, separated, then how many more there are."""
    rest = f"{separator}and {len(things) - SHOWN} more" if len(things) > SHOWN else ""
    return separator.join(str(thing) for thing in things[:SHOWN]) + rest

"""Lists in errors and warnings: the first twenty items, and how many more there are."""

from collections.abc import Sequence

SHOWN = 20


def listed(things: Sequence[object], separator: str = ", ") -> str:
    """The first 20 of `things`, separated, then how many more there are."""
    rest = f"{separator}and {len(things) - SHOWN} more" if len(things) > SHOWN else ""
    return separator.join(str(thing) for thing in things[:SHOWN]) + rest

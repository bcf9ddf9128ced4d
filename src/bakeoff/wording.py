"""Lists and counts in sentences: the first items and how many more there are, one row or three rows."""

from collections.abc import Sequence

SHOWN = 20


def listed(things: Sequence[object], separator: str = ", ") -> str:
    """The first 20 of `things`, separated, then how many more there are."""
    rest = f"{separator}and {len(things) - SHOWN} more" if len(things) > SHOWN else ""
    return separator.join(str(thing) for thing in things[:SHOWN]) + rest


def few(names: Sequence[str], most: int = 3) -> str:
    """`a, b and 7 more`: the first `most` names, then how many more there are."""
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + rest


def plural(number: int, noun: str) -> str:
    """1 seed, 3 seeds."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def either(names: Sequence[str]) -> str:
    """`a`, `a or b`, `a, b or c`."""
    *first, last = names
    return f"{', '.join(first)} or {last}" if first else last

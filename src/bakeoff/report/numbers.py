"""Numbers as the report prints them: what is not known is a dash, never `nan`."""

import math
from numbers import Real
from typing import Any

from markupsafe import Markup, escape

NOTHING = "–"


def known(value: Any) -> bool:
    """True for a number that is neither absent nor NaN."""
    return isinstance(value, Real) and math.isfinite(value)


def figure(value: Any, digits: int = 3) -> str:
    """0.843 with three digits."""
    return f"{value:.{digits}f}" if known(value) else NOTHING


def gap(value: Any, digits: int = 3) -> str:
    """+0.031 or −0.031, with a true minus sign."""
    if not known(value):
        return NOTHING
    return f"{value:+.{digits}f}".replace("-", "−")


def interval(low: Any, high: Any) -> str:
    """0.781 to 0.893."""
    return f"{figure(low)} to {figure(high)}" if known(low) and known(high) else ""


def gap_interval(low: Any, high: Any) -> str:
    """−0.004 to +0.066."""
    return f"{gap(low)} to {gap(high)}" if known(low) and known(high) else ""


def percent(value: Any) -> str:
    """57.5 %."""
    return f"{100 * value:.1f} %" if known(value) else NOTHING


def count(value: Any) -> str:
    """392,834."""
    return f"{int(value):,}" if known(value) else NOTHING


def duration(seconds: Any) -> str:
    """41 s, 12 min or 3.4 h."""
    if not known(seconds):
        return NOTHING
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def plural(number: int, noun: str) -> str:
    """1 seed, 3 seeds."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def listing(words: list[str]) -> str:
    """a, b and c."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def breakable(name: str) -> Markup:
    """A name that a narrow column breaks after its underscores, hyphens and dots."""
    marked = str(escape(name))
    for mark in "_-.":
        marked = marked.replace(mark, f"{mark}<wbr>")
    return Markup(marked)

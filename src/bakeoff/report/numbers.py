"""Numbers as the report prints them; an unknown one is a dash, never `nan`."""

import math
import re
from collections.abc import Sequence
from numbers import Real
from typing import Any

from markupsafe import Markup, escape

from bakeoff.pace import spell
from bakeoff.wording import plural as plural  # the template's n.plural

NOTHING = "–"
NAMED = 6  # variants that are named; the rest is counted


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


def percent_whole(value: Any) -> str:
    """57 %."""
    return f"{100 * value:.0f} %" if known(value) else NOTHING


def p_value(value: Any) -> str:
    """0.031, or < 0.001."""
    return "< 0.001" if known(value) and value < 0.001 else figure(value)


def either(words: Sequence[str], most: int | None = None) -> str:
    """a, b or c; of more than `most` the rest is counted."""
    shown = list(words)
    if most is not None and len(shown) > most:
        shown = [*shown[:most], f"one of {len(shown) - most} more"]
    return " or ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)


def count(value: Any) -> str:
    """392,834."""
    return f"{int(value):,}" if known(value) else NOTHING


def duration(seconds: Any) -> str:
    """41 s, 12 min or 3.4 h."""
    return spell(seconds) if known(seconds) else NOTHING


def verb(number: int, one: str, many: str) -> str:
    """The form of a verb for one or for several: does, do."""
    return one if number == 1 else many


def listing(words: Sequence[str], most: int | None = None) -> str:
    """a, b and c; of more than `most` the rest is counted: a, b and 7 more."""
    shown = list(words)
    if most is not None and len(shown) > most:
        shown = [*shown[:most], f"{len(shown) - most} more"]
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)


def breakable(text: str) -> Markup:
    """Text whose names a narrow column breaks after their underscores, hyphens and dots; no number breaks."""
    marked = re.sub(r"((?<!\d)[_.-]|[_.-](?!\d))(?=\S)", "\\1\0", text)
    return Markup(str(escape(marked)).replace("\0", "<wbr>"))

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


def number(value: Any) -> float | None:
    """The number that a file states; None where it is absent, NaN, or something else."""
    return float(value) if known(value) else None


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


def percent(value: Any, digits: int = 1) -> str:
    """57.5 %."""
    return f"{100 * value:.{digits}f} %" if known(value) else NOTHING


def p_value(value: Any) -> str:
    """0.031, or < 0.001."""
    return "< 0.001" if known(value) and value < 0.001 else figure(value)


def count(value: Any) -> str:
    """392,834."""
    return f"{int(value):,}" if known(value) else NOTHING


def duration(seconds: Any) -> str:
    """41 s, 12 min or 3.4 h."""
    return spell(seconds) if known(seconds) else NOTHING


def multiply_adds(value: Any) -> str:
    """1.81 G or 33.4 M."""
    if not known(value):
        return NOTHING
    return f"{value / 1e9:.2f} G" if value >= 1e9 else f"{value / 1e6:.1f} M"


def megabytes(value: Any) -> str:
    """800 MB or 2.1 GB, as people write `mem_mb`: 16000 is 16 GB."""
    if not known(value):
        return NOTHING
    if value < 1000:
        return f"{value:.0f} MB"
    return f"{value / 1000:.1f}".removesuffix(".0") + " GB"


def hours(value: Any) -> str:
    """0.0021, 0.46, 3.4 or 1,250: two digits, and all of a larger number's."""
    if not known(value):
        return NOTHING
    return f"{value:,.0f}" if value >= 99.5 else f"{value:.1f}" if value >= 1 else f"{value:.2g}"


def rate(value: Any) -> str:
    """1,240 or 8.31 a second: three digits, and all of a larger number's."""
    if not known(value):
        return NOTHING
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def short_time(seconds: Any) -> str:
    """0.52 s below ten seconds, else as `duration`."""
    return f"{seconds:.2g} s" if known(seconds) and seconds < 10 else duration(seconds)


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

"""Time limits as people and SLURM write them, in minutes."""

import re
from math import inf

# SLURM's: [days-]hours[:minutes[:seconds]]; of two numbers without days, hours and minutes.
CLOCK = re.compile(r"(?:(?P<days>\d+)-)?(?P<first>\d+)(?::(?P<second>\d+))?(?::(?P<third>\d+))?")
# Snakemake's: 2d12h30m.
UNITS = {"d": 1440.0, "h": 60.0, "m": 1.0, "s": 1 / 60}
NAMED = re.compile(r"(?:\d+(?:\.\d+)?\s*[dhms]\s*)+")


def minutes(value: str | float) -> float:
    """A time limit in minutes; ValueError for what is none.

    Two numbers are hours and minutes, as the files of the slurm plugin have it; SLURM prints three.

    >>> [minutes(text) for text in (90, "90", "1:30", "1-12", "1-00:30:30", "2d12h", "UNLIMITED")]
    [90.0, 90.0, 90.0, 2160.0, 1470.5, 3600.0, inf]
    """
    text = str(value).strip()
    if text.upper() in ("UNLIMITED", "INFINITE"):
        return inf
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    if found := CLOCK.fullmatch(text):
        days, first, second, third = (int(found[name] or 0) for name in CLOCK.groupindex)
        return days * 1440 + first * 60 + second + third / 60
    if NAMED.fullmatch(text.lower()):
        parts = re.findall(r"(\d+(?:\.\d+)?)\s*([dhms])", text.lower())
        return sum(float(number) * UNITS[unit] for number, unit in parts)
    raise ValueError(f"{value!r}: expected a time such as 720, 12h, 2d12h, 12:00:00 or 2-12:00:00")

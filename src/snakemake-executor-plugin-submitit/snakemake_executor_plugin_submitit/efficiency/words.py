"""Amounts as a person reads them."""


def memory(size: float) -> str:
    """Bytes in SLURM's units, which `mem_mb` has as well: powers of 1024.

    >>> memory(300 * 1024**2), memory(2150 * 1024**2), memory(16000 * 1024**2)
    ('300 MB', '2.1 GB', '16 GB')
    """
    megabytes = size / 1024**2
    if megabytes < 1000:
        return f"{megabytes:.0f} MB"
    # As people write mem_mb: 16000 is 16 GB.
    return f"{megabytes / 1000:.1f}".removesuffix(".0") + " GB"


def clock(seconds: float) -> str:
    """A duration as hours and minutes, a short one with its seconds.

    >>> clock(42), clock(754), clock(7260), clock(180000)
    ('42 s', '12:34 min', '2:01 h', '2-02:00 h')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02d} min"
    days, minutes = divmod(whole // 60, 1440)
    day = f"{days}-{minutes // 60:02d}" if days else f"{minutes // 60}"
    return f"{day}:{minutes % 60:02d} h"


def cpus(count: float) -> str:
    """CPUs, with as many digits as tell a little from nothing.

    >>> cpus(4), cpus(3.62), cpus(0.018), cpus(31.7)
    ('4', '3.6', '0.018', '32')
    """
    return f"{count:.0f}" if count >= 10 or count == int(count) else f"{count:.2g}"


def jobs(count: int) -> str:
    """A number of jobs."""
    return f"{count} job{'' if count == 1 else 's'}"

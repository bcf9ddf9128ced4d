"""The C library's allocator, told to keep what training frees: every step needs the same memory again."""

import ctypes
import sys

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX = -1, -2, -4  # of glibc's malloc.h
_PAD = 100_000_000  # bytes that the heap grows by at once


def keep_freed_memory() -> bool:
    """Let glibc serve large tensors from the heap and never shrink it; whether it agreed.

    Else each large tensor of a step is mapped, zeroed by the kernel page by page, and unmapped again: a
    quarter of a small network's step on a CPU. Other C libraries are left as they are. Memory stays at its
    peak until the process ends.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return False
    settings = ((_MMAP_MAX, 0), (_TRIM_THRESHOLD, -1), (_TOP_PAD, _PAD))  # -1: never trim
    return not [setting for setting in settings if mallopt(*setting) != 1]

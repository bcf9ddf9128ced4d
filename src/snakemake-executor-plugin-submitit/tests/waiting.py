"""Waiting for what a job's processes do."""

import time
from collections.abc import Callable


def eventually(holds: Callable[[], bool], seconds: float = 180) -> None:
    """Ask until it holds; AssertionError after so many seconds, which a busy machine may need."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come to hold"
        time.sleep(0.2)

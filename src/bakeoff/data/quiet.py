"""Python's warnings kept silent in several threads at once, as `warnings.catch_warnings` cannot."""

import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from threading import Lock

_lock = Lock()
_inside = 0  # how many are in a block
_restored = ExitStack()  # closed by the last one out


@contextmanager
def without_warnings() -> Iterator[None]:
    """No warning is shown or raised until the last of the threads that are in such a block leaves it."""
    global _inside
    with _lock:
        if _inside == 0:
            _restored.enter_context(warnings.catch_warnings())
            warnings.simplefilter("ignore")
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if _inside == 0:
                _restored.close()

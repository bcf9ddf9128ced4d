"""Locks of a delivery: one process at a time sends a journal, or changes a variant's parent run."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

from bakeoff.tracking.journal.jsonl import file_lock
from bakeoff.tracking.mlflow.health import BusyError

LOCK_PATIENCE = 60.0  # seconds


@contextmanager
def delivery_lock(file: Path, what: Path) -> Iterator[None]:
    """Hold the lock `file`, so that one process at a time sends `what`; BusyError if it lasts."""
    with file.open("w") as lock, ExitStack() as held:
        try:
            held.enter_context(file_lock(lock, LOCK_PATIENCE))
        except TimeoutError:
            raise BusyError(
                f"{what}: another process has been sending this for {LOCK_PATIENCE:g} s. "
                "It, or its server, may hang: end it, then run `bakeoff sync`."
            ) from None
        yield


def variant_lock(folder: Path) -> AbstractContextManager[None]:
    """Let one process at a time make or change the parent run of the seeds in `folder`."""
    return delivery_lock(folder / "variant.lock", folder)

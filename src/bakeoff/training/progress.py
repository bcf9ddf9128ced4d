"""Progress of the steps: a bar per epoch on a terminal; in a log file, a line now and then."""

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def steps(
    items: Iterable[T], *, total: int, done: int, label: str, otherwise: Callable[[], None]
) -> Iterator[T]:
    """Pass `items` through, with a bar on standard error while that is a terminal.

    Elsewhere, `otherwise` is called after each item.
    """
    if not sys.stderr.isatty():
        for item in items:
            yield item
            otherwise()
        return
    from rich.console import Console  # jobs have no terminal
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    bar = Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True)
    with bar:
        task = bar.add_task(label, total=total, completed=done)
        for item in items:
            yield item
            bar.advance(task)

"""Progress of the steps: a bar per epoch on a terminal; in a log file, a line now and then."""

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from bakeoff.pace import Pace, spell
from bakeoff.training.outputs import EpochOutputs

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


def pace_line(
    pace: Pace, outputs: EpochOutputs, batch_size: int, step: int, steps: int, later: int
) -> str:
    """How an epoch goes after `step` of its `steps`, `later` ones following in the next epochs."""
    seen = sum(map(len, outputs.labels))
    loss = f"loss {outputs.loss_sum / seen:.4f}, " if seen else ""  # a GPU's come later
    images = pace.rate(step) * batch_size
    return (
        f"{pace.what}, step {step}/{steps}: {loss}{images:.3g} images a second, "
        f"{spell(pace.left(step, steps))} left of the epoch, "
        f"{spell(pace.left(step, steps + later))} of the training"
    )

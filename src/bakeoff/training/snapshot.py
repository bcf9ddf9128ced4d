"""A moment of a training, copied: its state, its best weights, and the epochs that ended before it."""

import time
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass

from torch import Tensor

from bakeoff.training.checkpoint import Best, Progress
from bakeoff.training.host_copy import HostCopy, HostMemory


@dataclass(frozen=True)
class Row:
    """A row of the history, and when its epoch ended, in seconds since the Unix epoch."""

    values: dict[str, float]
    ended: float


@dataclass(frozen=True)
class Snapshot:
    """What nothing changes any more, however the training goes on."""

    progress: Progress
    state: HostCopy
    weights: HostCopy | None  # of the best epoch, where no checkpoint named it yet
    best: Best | None  # these weights and what their file says
    rows: tuple[Row, ...]  # of the epochs that ended since the snapshot before

    def wait(self) -> None:
        """Return when the copies are whole; any thread may wait."""
        self.state.wait()
        if self.weights is not None:
            self.weights.wait()


class Snapshots:
    """Takes snapshots of one training, one at a time, and keeps what ended between two of them."""

    def __init__(self) -> None:
        self._states, self._weights = HostMemory(), HostMemory()
        self._best: tuple[HostCopy, Best] | None = None
        self._rows: list[Row] = []

    def keep_best(self, best: Best) -> None:
        """Copy the weights of the best epoch so far, for the next snapshot."""
        if self._best is not None:
            self._weights.give_back(self._best[0])
        copy = self._weights.copy(best.tensors)
        self._best = copy, Best(copy, best.metadata)

    def keep_row(self, values: dict[str, float]) -> None:
        """Keep the row of an epoch that ended now, for the next snapshot."""
        self._rows.append(Row(values, time.time()))

    def take(self, progress: Progress, state: Mapping[str, Tensor]) -> Snapshot:
        """A copy of the training's progress and tensors, with what was kept for it."""
        weights, best = self._best or (None, None)
        rows, self._best, self._rows = tuple(self._rows), None, []
        return Snapshot(deepcopy(progress), self._states.copy(state), weights, best, rows)

    def give_back(self, snapshot: Snapshot) -> None:
        """Use the memory of a snapshot that is written for a later one; any thread may say so."""
        self._states.give_back(snapshot.state)
        if snapshot.weights is not None:
            self._weights.give_back(snapshot.weights)

"""The saving of a run: its checkpoint, and of the same moment its best weights, history and journal."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import nn

from bakeoff.config.schema import Training
from bakeoff.layout import RunFolder
from bakeoff.task.classification import LAST
from bakeoff.tracking.journal.journal import Journal
from bakeoff.training.checkpoint import (
    CheckpointFolder,
    Progress,
    frozen_sums,
    state_of,
    weights_of,
)
from bakeoff.training.history import write_history
from bakeoff.training.journalling import journal_path, journal_rows
from bakeoff.training.outputs import EpochOutputs
from bakeoff.training.saver import Saver
from bakeoff.training.snapshot import Snapshot, Snapshots


class RunSaver(Saver[Snapshot]):
    """Saves the moments of a run: copied at once, and written while it goes on.

    history.csv and the journal get what a checkpoint has: an epoch that comes again after a kill may end in
    other figures.
    """

    journal: Journal  # set before the first save

    def __init__(
        self,
        folder: RunFolder,
        checkpoints: CheckpointFolder,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        columns: Sequence[str],
        training: Training,
    ) -> None:
        super().__init__(self._write_moment, training.checkpoint.every)
        self.folder, self.checkpoints, self.columns = folder, checkpoints, columns
        self.model, self.optimizer = model, optimizer
        self._names_best = training.select_on != LAST  # then every epoch is the best so far
        self.frozen = frozen_sums(model)
        self._snapshots = Snapshots()

    def keep_best(self, metadata: Mapping[str, object]) -> None:
        """Keep the weights as they are now: the best so far, to be written with the next checkpoint."""
        self._snapshots.keep_best(weights_of(self.model, metadata))

    def keep_row(self, row: dict[str, float]) -> None:
        """Keep the history's row of an epoch that ended now, to be told after the next checkpoint."""
        self._snapshots.keep_row(row)

    def begin(self, progress: Progress, outputs: EpochOutputs) -> None:
        """Begin to save the run as it is now; it may go on when this has returned."""
        self.wait()  # the snapshot takes the memory of the one before
        epoch = outputs.tensors()
        progress.loss_sum = outputs.loss_sum
        state = state_of(self.model, self.optimizer, epoch, self.frozen)
        self.save(self._snapshots.take(progress, state))

    def _write_moment(self, moment: Snapshot) -> None:
        moment.wait()
        progress, best = moment.progress, moment.best
        self.checkpoints.save(progress, moment.state, self.frozen, best)
        self._snapshots.give_back(moment)
        if not moment.rows:
            return
        write_history(self.folder.history, progress.history, self.columns)
        # The last checkpoint changes too, but MLflow gets it only when a job stops or ends.
        named = best is not None and self._names_best
        files = {progress.best_epoch: [self._path(self.checkpoints.best)]} if named else {}
        journal_rows(self.journal, moment.rows, files)

    def _path(self, file: Path) -> str:
        return journal_path(self.folder.path, file)

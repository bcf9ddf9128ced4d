"""The train stage: one run of a variant, from its last checkpoint to its results."""

import time
from contextlib import AbstractContextManager
from functools import cached_property
from typing import Any

from torch import nn

from bakeoff.config.accepted import planned_digest
from bakeoff.config.digest import run_parts, trained_digest
from bakeoff.config.experiment import Experiment, Run
from bakeoff.config.resolved import resolved_run
from bakeoff.data.pack import open_packed
from bakeoff.files import link_or_copy, write_json
from bakeoff.layout import Layout, SplitName
from bakeoff.pace import Pace
from bakeoff.task.measures import Measures, measures_of
from bakeoff.tracking.journal.journal import Journal
from bakeoff.training.device import choose_device
from bakeoff.training.evaluate import evaluate
from bakeoff.training.history import COLUMNS, columns_with, format_epoch, improves, write_history
from bakeoff.training.images import SplitImages
from bakeoff.training.initialisation import build_model
from bakeoff.training.job import training_job, warn_of_threads
from bakeoff.training.journalling import journalled
from bakeoff.training.loop import TrainingLoop
from bakeoff.training.out_of_memory import not_tried_again_as_it_is

SPLITS: tuple[SplitName, ...] = ("train", "val")
"""The splits that training may see: never the test split."""


def train(experiment: Experiment, run: Run, layout: Layout, *, fresh: bool = False) -> None:
    """Train a run and write best.safetensors, history.csv and run.json into its folder.

    A run that was stopped or killed goes on from its last checkpoint and ends with the weights,
    history and predictions of one that was not (on the same device, in deterministic mode). `fresh`
    forgets the checkpoints first. Started by srun or torchrun as several processes, these share
    every batch, and the first of them writes.

    Raises Stopped after a notice, with the state saved; TrainingError (OutOfMemoryError where there is
    no room), DataError or CheckpointError.
    """
    folder = layout.run(run.variant.name, run.seed)
    variant = run.variant
    device = choose_device(variant.training.device, asked=variant.resources.asks_for_gpu)
    planned = planned_digest(run, experiment.data, folder)
    with (
        training_job(folder, device, fresh=fresh) as (notice, world, chosen),
        not_tried_again_as_it_is(
            folder.checkpoints, run, chosen, planned, world, fresh=fresh
        ) as attempt,
    ):
        if world.writes:
            warn_of_threads(run.variant.training.threads)
        attempt.loop = Trainer(experiment, run, layout, folder, world, chosen)
        attempt.loop.run_to_end(notice)


class Trainer(TrainingLoop):
    """The training of a variant under one seed: labelled images, and a validation after each epoch."""

    @cached_property
    def measures(self) -> Measures:
        """What is measured after each epoch."""
        return measures_of(self.experiment.task)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of history.csv."""
        return columns_with(self._selected[0])

    @cached_property
    def _selected(self) -> tuple[str, int]:
        """The column by which the best epoch is chosen, and 1 where higher is better, else -1."""
        return self.experiment.task.selection(self.training.select_on)

    def _build(self) -> nn.Module:
        return build_model(self.experiment, self.run)

    def _open_images(self) -> dict[SplitName, SplitImages]:
        image, data = self.run.variant.image, self.experiment.data
        packed = {name: open_packed(self.layout, image, name) for name in SPLITS}
        return {
            name: SplitImages.open(self.layout.split(name), packed[name], data, self.device)
            for name in SPLITS
        }

    def _planned(self) -> str:
        return planned_digest(self.run, self.experiment.data, self.folder)

    def _parts(self) -> dict[str, Any]:
        return run_parts(self.run, self.experiment.data)

    def _digest(self) -> str:
        seen = (self.images[name].digest for name in SPLITS)
        return trained_digest(self._planned(), *seen, weights=self.run.variant.weights)

    def _journalled(self) -> AbstractContextManager[Journal]:
        tables = {name: (self.layout.split(name), len(self.images[name])) for name in SPLITS}
        live = self.experiment.tracking.live
        record = self._record()
        return journalled(
            self.experiment, self.folder.path, record, self.progress, self.checkpoints, tables, live
        )

    def _resolved(self) -> str:
        return resolved_run(self.experiment, self.run.variant, self.run.seed)

    def _measure_epoch(self) -> dict[str, float]:
        """Validate, and keep the weights if they are the best so far."""
        progress = self.progress
        begun = time.monotonic()
        pace = Pace("validation", due=self.due) if self.world.writes else None
        validation = evaluate(
            self.objective, self.images["val"], self.run.variant.image, self.world, pace
        )
        progress.seconds += time.monotonic() - begun
        column, sign = self._selected
        other = column.removeprefix("val_") if column not in COLUMNS else None
        row = {
            "epoch": progress.epoch,
            **self.outputs.metrics("train", self.measures),
            **validation.metrics("val", self.measures, other),
            "lr": self._learning_rate(progress.step - 1),
            "seconds": progress.seconds - sum(r["seconds"] for r in progress.history),
        }
        if improves(row[column], progress.best_value, sign):
            progress.best_epoch = progress.epoch
            progress.best_value = row[column]
            if self.world.writes:
                metadata = {"epoch": progress.epoch, "digest": progress.digest}
                self.saver.keep_best(metadata)
        return row

    def _format_epoch(self, row: dict[str, float]) -> str:
        best_auc = max(r["val_auc"] for r in self.progress.history)
        return format_epoch(row, self.training.epochs, best_auc, self.progress.seconds)

    def _publish(self) -> None:
        write_history(self.folder.history, self.progress.history, self.columns)
        link_or_copy(self.checkpoints.best, self.folder.best)
        write_json(self.folder.run_json, self._record())

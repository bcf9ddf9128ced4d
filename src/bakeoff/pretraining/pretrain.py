"""One pretraining run, from wherever its last checkpoint left it, on the machinery of training."""

import io
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import nn

from bakeoff.config.digest import trained_digest
from bakeoff.config.experiment import Experiment, Run, Variant
from bakeoff.config.schema import Resources
from bakeoff.data.pack import PackedImages
from bakeoff.files import write_json, write_text
from bakeoff.layout import Layout, RunFolder, SplitName
from bakeoff.models.catalogue import parse_options
from bakeoff.models.registry import Task, build
from bakeoff.pretraining.masked_patches import MaskedPatches
from bakeoff.pretraining.settings import Pretraining
from bakeoff.pretraining.unlabelled import open_unlabelled
from bakeoff.tracking.journal import Journal
from bakeoff.training.checkpoint import CheckpointFolder, Progress, save_weights
from bakeoff.training.chronicle import chronicle
from bakeoff.training.distributed import World
from bakeoff.training.epoch import Gathered, Objective
from bakeoff.training.images import SplitImages
from bakeoff.training.lock import exclusive
from bakeoff.training.losses import LOSSES
from bakeoff.training.optimization import make_optimizer
from bakeoff.training.randomness import derive, make_deterministic
from bakeoff.training.record import run_record
from bakeoff.training.stop import StopNotice
from bakeoff.training.train import Trainer, choose_device

COLUMNS = ("epoch", "loss", "masked_error", "lr", "seconds")


@dataclass(frozen=True)
class PretrainingFolder(RunFolder):
    """The files of one pretraining run: run.json, history.csv, weights.safetensors, checkpoints/."""

    @property
    def best(self) -> Path:
        """The weights of the last epoch, without the head: what a variant loads."""
        return self.path / "weights.safetensors"


def pretraining_folder(layout: Layout, name: str, seed: int) -> PretrainingFolder:
    """Where the pretraining `name` with this seed is."""
    return PretrainingFolder(layout.root / "pretraining" / name / f"seed-{seed}")


def pretrain(
    experiment: Experiment,
    name: str,
    settings: Pretraining,
    seed: int,
    layout: Layout,
    *,
    fresh: bool = False,
    workers: int | None = None,
) -> Path:
    """Pretrain and write weights.safetensors, history.csv and run.json; returns the weights' path.

    Images come from the pack of the training split, or from an unlabelled folder of which no patient
    is in the test split. What was stopped or killed goes on from its last checkpoint and ends with the
    weights of what was not. `fresh` forgets the checkpoints first.

    Raises Stopped after a notice, with the state saved; DataError, ConfigError or TrainingError.
    """
    folder = pretraining_folder(layout, name, seed)
    with StopNotice() as notice, exclusive(folder.checkpoints, notice):
        pretrainer = Pretrainer(experiment, name, settings, seed, layout, workers)
        pretrainer.checkpoints.remove_leftovers()
        if fresh:
            pretrainer.checkpoints.clear()
        pretrainer.run_to_end(notice)
    return folder.best


class Pretrainer(Trainer):
    """A pretraining run in progress: a trainer with one set of images, no validation and no labels."""

    def __init__(
        self,
        experiment: Experiment,
        name: str,
        settings: Pretraining,
        seed: int,
        layout: Layout,
        workers: int | None = None,
    ) -> None:
        variant = Variant(
            name=name,
            model=settings.model,
            options=parse_options(settings.model, settings.options),
            image=settings.image,
            training=settings.training,
            resources=Resources(),
        )
        self.settings = settings
        self.experiment, self.run, self.training = experiment, Run(variant, seed), settings.training
        self.layout = layout
        self.folder = pretraining_folder(layout, name, seed)
        self.checkpoints = CheckpointFolder(self.folder.checkpoints)
        self.device = choose_device(self.training.device)
        make_deterministic(self.training.threads, deterministic=self.training.deterministic)
        self.world = World()  # one process: no batch is shared
        self.images = {"train": self._open_images(workers)}
        self.masked_patches = build_masked_patches(variant, settings, seed).to(self.device)
        self.model: nn.Module = self.masked_patches
        # The loss is never asked: the model has its own objective.
        self.objective = Objective(self.model, LOSSES[self.training.loss])
        self.optimizer = make_optimizer(self.model.parameters(), self.training)
        started = datetime.now(UTC).isoformat(timespec="seconds")
        digest = trained_digest(settings.digest(seed), self.images["train"].digest)
        self.progress = Progress(digest=digest, started=started)
        self.gathered = Gathered()

    def _open_images(self, workers: int | None) -> SplitImages:
        if self.settings.images is not None:
            packed_into = self.folder.path.parent / f"packed-{self.settings.image.size}"
            return open_unlabelled(
                self.settings, self.experiment, self.layout, packed_into, self.device, workers
            )
        packed = PackedImages.open(self.layout.packed(self.settings.image.size))
        split = self.layout.split("train")
        return SplitImages.open(split, packed, self.experiment.data, self.device)

    def _chronicle(self) -> AbstractContextManager[Journal]:
        tables: dict[SplitName, tuple[Path, int]] = {}
        if self.settings.images is None:
            tables["train"] = (self.layout.split("train"), len(self.images["train"]))
        # MLflow's runs are those of the variants: the journal stays here for them to point to.
        folder, record, kept = self.folder.path, self._record(), self.checkpoints
        return chronicle(self.experiment, folder, record, self.progress, kept, tables, live=False)

    def _record(self) -> dict[str, Any]:
        record = run_record(self.experiment, self.run, self.model, self.progress, self.device)
        del record["best"]
        record["config"]["pretraining"] = self.settings.model_dump(mode="json")
        record["images"] = len(self.images["train"])
        return record

    def _end_epoch(self) -> None:
        """Record the epoch and save; there is nothing to validate on, the last weights count."""
        progress, gathered = self.progress, self.gathered
        errors = gathered.tensors()["scores"]  # each image's, in the order of its step
        row = {
            "epoch": progress.epoch,
            "loss": gathered.loss_sum / len(errors),
            "masked_error": float(errors.double().mean()),
            "lr": float(self.optimizer.param_groups[0]["lr"]),
            "seconds": progress.seconds - sum(r["seconds"] for r in progress.history),
        }
        progress.history.append(row)
        print(format_epoch(row, self.training.epochs), flush=True)
        progress.finished = progress.epoch == self.training.epochs
        progress.epoch += not progress.finished
        progress.step = 0
        self.gathered = Gathered()
        self._save()
        write_history(self.folder.history, progress.history)

    def _publish(self) -> None:
        """Write the weights that a variant loads, the history and run.json."""
        progress = self.progress
        write_history(self.folder.history, progress.history)
        metadata = {"epoch": len(progress.history), "digest": progress.digest}
        save_weights(self.folder.best, self.masked_patches.pretrained(), metadata)
        write_json(self.folder.run_json, self._record())


def build_masked_patches(variant: Variant, settings: Pretraining, seed: int) -> MaskedPatches:
    """The model of a pretraining, its initial weights drawn from the seed."""
    torch.manual_seed(derive(seed, "initialise"))
    task = Task(channels=variant.image.channels, size=variant.image.size, outputs=2)
    return MaskedPatches(
        build(variant.model, task, variant.options),
        masked=settings.masked,
        normalise_target=settings.normalise_target,
        next_part=settings.next_part,
    )


def format_epoch(row: Mapping[str, float], epochs: int) -> str:
    """The lines of one epoch, in the manner of training's."""
    return (
        f"-----Epoch {row['epoch']:.0f}/{epochs}-----\n"
        f"Pretraining | Loss: {row['loss']:.4f} | Error of hidden patches: {row['masked_error']:.4f}"
    )


def write_history(file: Path, rows: list[dict[str, float]]) -> None:
    """Write history.csv; floats with every digit, so that equal histories are equal files."""
    table = pd.DataFrame(rows, columns=list(COLUMNS)).astype({"epoch": int})
    buffer = io.StringIO()
    table.to_csv(buffer, index=False)
    write_text(file, buffer.getvalue())

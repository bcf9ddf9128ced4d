"""Training one run to its end, from wherever its last checkpoint left it."""

import logging
import time
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import nn

from bakeoff.config.accepted import planned_digest
from bakeoff.config.digest import run_parts, trained_digest
from bakeoff.config.experiment import Experiment, Run
from bakeoff.config.resolved import resolved_run
from bakeoff.data.pack import PackedImages
from bakeoff.errors import TrainingError
from bakeoff.files import replacing, write_json, write_text
from bakeoff.layout import Layout, RunFolder, SplitName
from bakeoff.models.registry import Expected, Task
from bakeoff.pace import Due, Pace, spell
from bakeoff.task.losses import LOSSES
from bakeoff.tracking.journal.journal import Journal
from bakeoff.training.checkpoint import CheckpointFolder, Progress, save_weights
from bakeoff.training.distributed import World
from bakeoff.training.epoch import EpochOutputs, Objective, Stepper, evaluate
from bakeoff.training.history import format_epoch, improves, selected_value, write_history
from bakeoff.training.images import SplitImages, batches
from bakeoff.training.job import training_job
from bakeoff.training.journalling import has_journalled_end, journal_epoch, journalled, named
from bakeoff.training.optimization import learning_rate, make_optimizer
from bakeoff.training.progress import steps
from bakeoff.training.randomness import derive, make_deterministic, order
from bakeoff.training.record import run_record
from bakeoff.training.stop import StopNotice, Stopped
from bakeoff.weights.start import build_started

log = logging.getLogger(__name__)

SPLITS: tuple[SplitName, ...] = ("train", "val")
"""What training may see; the test split is not among it."""


def train(experiment: Experiment, run: Run, layout: Layout, *, fresh: bool = False) -> None:
    """Train a run and write best.safetensors, history.csv and run.json into its folder.

    A run that was stopped or killed goes on from its last checkpoint and ends with the weights,
    history and predictions of one that was not (on the same device, in deterministic mode). `fresh`
    forgets the checkpoints first. Started by srun or torchrun as several processes, these share
    every batch, and the first of them writes.

    Raises Stopped after a notice, with the state saved; TrainingError, DataError or CheckpointError.
    """
    folder = layout.run(run.variant.name, run.seed)
    device = choose_device(run.variant.training.device)
    with training_job(folder, device, fresh=fresh) as (notice, world, chosen):
        Trainer(experiment, run, layout, folder, world, chosen).run_to_end(notice)


class Trainer:
    """A run in progress, in this process's share of it."""

    def __init__(
        self,
        experiment: Experiment,
        run: Run,
        layout: Layout,
        folder: RunFolder,
        world: World,
        device: torch.device,
    ) -> None:
        self.experiment, self.run, self.training = experiment, run, run.variant.training
        self.layout, self.folder, self.world, self.device = layout, folder, world, device
        self.checkpoints = CheckpointFolder(folder.checkpoints)
        make_deterministic(self.training.threads, deterministic=self.training.deterministic)
        model = world.synchronise_batch_norm(self._build(), device)
        self.model = model.to(device)
        self.objective = Objective(self.model, LOSSES[self.training.loss])
        self.optimizer = make_optimizer(self.model.parameters(), self.training)
        self.images = self._open_images()
        started = datetime.now(UTC).isoformat(timespec="seconds")
        self.progress = Progress(digest=self._digest(), started=started)
        self.gathered = EpochOutputs()
        self.due = Due()  # across epochs: short ones need no line beside their own

    def _build(self) -> nn.Module:
        return build_model(self.experiment, self.run)

    def _open_images(self) -> dict[SplitName, SplitImages]:
        packed = PackedImages.open(self.layout.packed(self.run.variant.image.size))
        return {
            name: SplitImages.open(
                self.layout.split(name), packed, self.experiment.data, self.device
            )
            for name in SPLITS
        }

    def _planned(self) -> str:
        return planned_digest(self.run, self.experiment.data, self.folder)

    def _parts(self) -> dict[str, Any]:
        return run_parts(self.run, self.experiment.data)

    def _digest(self) -> str:
        seen = (self.images[name].digest for name in SPLITS)
        return trained_digest(self._planned(), *seen, weights=self.run.variant.weights)

    @cached_property
    def stepper(self) -> Stepper:
        """A training step of this run; made once, for wrapping the model talks to the other processes."""
        return Stepper(
            self.objective,
            self.world.parallel(self.objective, self.device),
            self.optimizer,
            self.run.variant.image,
            self.run.seed,
            self.training.clip,
            self.world,
        )

    def run_to_end(self, notice: StopNotice) -> None:
        """Train every epoch that is still to do, then publish the results."""
        self._resume()
        try:
            self._train_to_end(notice)
        except Stopped:
            # A process that leaves may take the others with it: the first one saves and journals yet.
            self.world.wait()
            raise
        self.world.wait()

    def _train_to_end(self, notice: StopNotice) -> None:
        if not self.world.writes:
            while not self.progress.finished:
                self._train_epoch(notice)
                self._end_epoch()
            return
        write_text(self.folder.config, self._resolved())
        if self.progress.finished and has_journalled_end(self.folder.path):
            self._publish()
        else:
            with self._journalled() as journal:
                journal.artifact(self._named(self.folder.config))
                while not self.progress.finished:
                    self._train_epoch(notice)
                    self._end_epoch()
                    # The last checkpoint changes too: MLflow gets it when a job stops or ends.
                    row = self.progress.history[-1]
                    is_best = row["epoch"] == self.progress.best_epoch
                    journal_epoch(journal, row, [self._named(self.checkpoints.best)] * is_best)
                self._publish()
                journal.artifact(*map(self._named, self._published()))

    def _journalled(self) -> AbstractContextManager[Journal]:
        tables = {name: (self.layout.split(name), len(self.images[name])) for name in SPLITS}
        live = self.experiment.tracking.live
        record = self._record()
        return journalled(
            self.experiment, self.folder.path, record, self.progress, self.checkpoints, tables, live
        )

    def _named(self, file: Path) -> str:
        return named(self.folder.path, file)

    def _published(self) -> list[Path]:
        """What a run leaves for MLflow; the weights once, under the name that they had all along."""
        folder, kept = self.folder, self.checkpoints
        weights = kept.best if kept.best.exists() else folder.best
        return [folder.run_json, folder.history, weights, kept.last]

    def _record(self) -> dict[str, Any]:
        made_of = (self.experiment, self.run, self.model, self.progress, self.device, self.folder)
        return run_record(*made_of, self._planned(), self._parts())

    def _resolved(self) -> str:
        return resolved_run(self.experiment, self.run.variant, self.run.seed)

    def _resume(self) -> None:
        checkpoint = self.checkpoints.load(self.progress.digest)
        self.world.wait()  # nobody writes a checkpoint that another still reads
        if checkpoint is None:
            if self.world.writes:
                log.info("Beginning at epoch 1: there is no checkpoint to go on from.")
                self.folder.history.unlink(missing_ok=True)  # of another configuration
            return
        checkpoint.restore(self.model, self.optimizer)
        self.progress = checkpoint.progress
        if gathered := checkpoint.epoch_tensors:
            self.gathered = EpochOutputs(
                self.progress.loss_sum, [gathered["scores"]], [gathered["labels"]]
            )
        if not self.world.writes:
            return
        if self.progress.finished:
            log.info("Trained before: its results are published again (--fresh trains anew).")
            return
        log.info(
            "Going on from the checkpoint at epoch %d, step %d.",
            self.progress.epoch,
            self.progress.step,
        )

    def _train_epoch(self, notice: StopNotice) -> None:
        """Do the steps of the epoch in progress that are still to do."""
        progress, training, images = self.progress, self.training, self.images["train"]
        todo = batches(order(self.run.seed, progress.epoch, len(images)), training.batch_size)
        self.objective.train()
        begun, before = time.monotonic(), progress.seconds
        label = f"epoch {progress.epoch}/{training.epochs}"
        pace = Pace(label, progress.step, self.due)
        pending = range(progress.step, len(todo))

        def say() -> None:
            if self.world.writes and self.due() and progress.step < len(todo):
                log.info("%s", self._pace(pace, len(todo)))

        for step in steps(pending, total=len(todo), done=progress.step, label=label, otherwise=say):
            outcome = self.stepper.step(
                images,
                todo[step],
                epoch=progress.epoch,
                step=step,
                lr=self._learning_rate(step),
                told_to_stop=notice.reason,
            )
            self.gathered.add(outcome)
            progress.step = step + 1
            progress.seconds = before + time.monotonic() - begun
            if outcome.stop:
                self._save()
                raise Stopped(
                    f"{notice.reason() or 'notice'}: saved at epoch {progress.epoch}, step {progress.step}; "
                    "the same command goes on from there."
                )

    def _pace(self, pace: Pace, steps: int) -> str:
        step, seen = self.progress.step, sum(map(len, self.gathered.labels))
        loss, images = self.gathered.loss_sum / seen, pace.rate(step) * self.training.batch_size
        later = (self.training.epochs - self.progress.epoch) * steps
        return (
            f"{pace.what}, step {step}/{steps}: loss {loss:.4f}, {images:.3g} images a second, "
            f"{spell(pace.left(step, steps))} left of the epoch, "
            f"{spell(pace.left(step, steps + later))} of the training"
        )

    def _learning_rate(self, step: int) -> float:
        """Of a step of the epoch in progress, whether this job took the step or the one before it."""
        each, epochs = self._steps_per_epoch, self.training.epochs
        return learning_rate(self.training, (self.progress.epoch - 1) * each + step, each * epochs)

    @cached_property
    def _steps_per_epoch(self) -> int:
        return len(batches(torch.arange(len(self.images["train"])), self.training.batch_size))

    def _end_epoch(self) -> None:
        """Validate, record the epoch, keep the weights if they are the best, save."""
        progress, training = self.progress, self.training
        begun = time.monotonic()
        channels = self.run.variant.image.channels
        pace = Pace("validation", due=self.due) if self.world.writes else None
        validation = evaluate(self.objective, self.images["val"], channels, self.world, pace)
        progress.seconds += time.monotonic() - begun
        row = {
            "epoch": progress.epoch,
            **self.gathered.metrics("train"),
            **validation.metrics("val"),
            "lr": self._learning_rate(progress.step - 1),
            "seconds": progress.seconds - sum(r["seconds"] for r in progress.history),
        }
        if improves(row, progress.best_value, training.select_on):
            progress.best_epoch = progress.epoch
            progress.best_value = selected_value(row, training.select_on)
            if self.world.writes:
                metadata = {"epoch": progress.epoch, "digest": progress.digest}
                save_weights(self.checkpoints.best, self.model, metadata)
        progress.history.append(row)
        if self.world.writes:
            best_auc = max(r["val_auc"] for r in progress.history)
            print(format_epoch(row, training.epochs, best_auc, progress.seconds), flush=True)
            self.due.put_off()
        if progress.epoch == training.epochs:
            progress.finished = True
            progress.provenance = self._record()["provenance"]
        progress.epoch += not progress.finished
        progress.step = 0
        self.gathered = EpochOutputs()
        self._save()
        if self.world.writes:
            write_history(self.folder.history, progress.history)

    def _save(self) -> None:
        if not self.world.writes:
            return
        self.progress.loss_sum = self.gathered.loss_sum
        tensors = self.gathered.tensors()
        self.checkpoints.save(self.progress, self.model, self.optimizer, tensors)

    def _publish(self) -> None:
        """Write the results that other stages read, from the finished checkpoint alone."""
        write_history(self.folder.history, self.progress.history)
        with replacing(self.folder.best) as temporary:
            link_or_copy(self.checkpoints.best, temporary)
        write_json(self.folder.run_json, self._record())


def build_model(experiment: Experiment, run: Run, expected: Expected | None = None) -> nn.Module:
    """The model of a run, its initial weights pretrained or drawn from the run's seed.

    `expected` is what the weights expect that are loaded into it next, instead of any pretrained ones.
    """
    variant = run.variant
    torch.manual_seed(derive(run.seed, "initialise"))
    outputs = LOSSES[variant.training.loss].outputs
    task = Task(
        channels=variant.image.channels,
        size=variant.image.size,
        outputs=outputs,
        findings=(*experiment.data.negative, *experiment.data.positive),
        negatives=len(experiment.data.negative),
        expected=expected,
    )
    if variant.weights is not None and expected is None:
        variant.weights.content()  # refuses what is missing, or is not what it should be
    return build_started(variant.model, task, variant.arguments())


def choose_device(wanted: str) -> torch.device:
    """`auto` is the GPU where there is one; asking for a GPU that is not there is an error."""
    if wanted == "cuda" and not torch.cuda.is_available():
        raise TrainingError(
            "training.device is 'cuda' but torch sees no GPU here. Ask for one "
            "(resources.gpu: 1 on a cluster) or set training.device: auto."
        )
    if wanted == "auto":
        wanted = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(wanted)


def device_to_apply(trained_on: str) -> torch.device:
    """For a trained model, whose `training.device` is no reason to ask for a GPU where there is none."""
    return choose_device("cpu" if trained_on == "cpu" else "auto")


def link_or_copy(source: Path, target: Path) -> None:
    """Hard-link a file that is never changed in place; copy it where links are not to be had."""
    try:
        target.hardlink_to(source)
    except OSError:
        target.write_bytes(source.read_bytes())

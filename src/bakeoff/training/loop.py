"""The training loop: epochs from the last checkpoint on, saved and journalled, until done or stopped.

A run is a function of its config: all randomness of a step comes from (seed, epoch, step), so a loop that
was killed anywhere and resumed ends in the same bits.
"""

import logging
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import nn

from bakeoff.config.experiment import Experiment, Run
from bakeoff.files import write_text
from bakeoff.layout import Layout, RunFolder, SplitName
from bakeoff.pace import Due, Pace
from bakeoff.task.losses import loss_of
from bakeoff.tracking.journal.journal import Journal
from bakeoff.training.attempts import allow_elsewhere, attempt, is_elsewhere, kind_of
from bakeoff.training.checkpoint import Checkpoint, CheckpointFolder, Progress
from bakeoff.training.cuda_graph import CapturedSteps, own_stream
from bakeoff.training.distributed import World
from bakeoff.training.images import SplitImages, batches
from bakeoff.training.journalling import has_journalled_end, journal_path
from bakeoff.training.numerics import Numerics
from bakeoff.training.numerics_choice import FILE, choose, seconds_of_a_step
from bakeoff.training.objective import Objective
from bakeoff.training.optimization import learning_rate, make_optimizer
from bakeoff.training.outputs import EpochOutputs
from bakeoff.training.progress import pace_line, steps
from bakeoff.training.randomness import make_deterministic, order
from bakeoff.training.record import run_record
from bakeoff.training.residency import settle
from bakeoff.training.run_saver import RunSaver
from bakeoff.training.step import Stepper
from bakeoff.training.stop import StopNotice, Stopped
from bakeoff.training.trial import bytes_of_step

log = logging.getLogger(__name__)


class TrainingLoop(ABC):
    """A run in progress, in this process's share of it; subclasses define the model and the images."""

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
        model = world.synchronise_batch_norm(self._build(), device, run.variant.image)
        self.model = model.to(device)
        self.images = self._open_images()
        self.numerics = self._numerics()
        self.numerics.set_products()
        if world.writes and (said := self.numerics.slowness(device)):
            log.warning("%s.", said)
        loss = loss_of(experiment.task, self.training.loss)
        self.objective = Objective(self.model, loss, self.numerics)
        # In one kernel where no earlier run fixed the bits.
        fused = self.numerics.precision == "bf16"
        self.optimizer = make_optimizer(self.model.parameters(), self.training, fused=fused)
        started = datetime.now(UTC).isoformat(timespec="seconds")
        self.progress = Progress(digest=self._digest(), started=started)
        self.outputs = EpochOutputs()
        self.due = Due()  # one for all epochs: a short epoch needs no line of its own
        saved = (self.model, self.optimizer, self.columns, self.training)
        self.saver = RunSaver(folder, self.checkpoints, *saved)

    @property
    @abstractmethod
    def columns(self) -> tuple[str, ...]:
        """The columns of history.csv."""

    @abstractmethod
    def _build(self) -> nn.Module:
        """The model with its initial weights, on the CPU."""

    @abstractmethod
    def _open_images(self) -> dict[SplitName, SplitImages]:
        """The images of each split that training sees; "train" is there."""

    @abstractmethod
    def _planned(self) -> str:
        """The digest of the plan: the run's own, or an earlier one that was accepted for it."""

    @abstractmethod
    def _parts(self) -> dict[str, Any]:
        """What the digest of the plan is made of, by name."""

    @abstractmethod
    def _digest(self) -> str:
        """What the weights depend on; a checkpoint of another digest is not used."""

    @abstractmethod
    def _journalled(self) -> AbstractContextManager[Journal]:
        """The run's journal, with what the run is in it."""

    @abstractmethod
    def _resolved(self) -> str:
        """The run's own configuration, as YAML."""

    @abstractmethod
    def _measure_epoch(self) -> dict[str, float]:
        """The history's row of the epoch whose steps are done."""

    @abstractmethod
    def _format_epoch(self, row: dict[str, float]) -> str:
        """The row as lines for the log."""

    @abstractmethod
    def _publish(self) -> None:
        """Write the results that other stages read, from the finished checkpoint alone."""

    def _record(self) -> dict[str, Any]:
        """The content of run.json."""
        made_of = (self.experiment, self.run, self.model, self.progress, self.device, self.folder)
        record = run_record(*made_of, self._planned(), self._parts())
        return {**record, "numerics": self.progress.numerics or self.numerics.record()}

    def _numerics(self) -> Numerics:
        """How this run computes: as configured, or, where that is `auto`, as measured."""
        if (configured := Numerics.of(self.training, self.device)) is not None:
            return configured
        loss, images = loss_of(self.experiment.task, self.training.loss), self.images["train"]
        measure = seconds_of_a_step(self.model, loss, self.training, self.run.variant.image, images)
        steps = self._steps_per_epoch * self.training.epochs
        own, shared = self.folder.checkpoints / FILE, self.folder.path.parent
        digest = self._digest()
        return choose(self.run.variant, digest, steps, own, shared, self.device, measure)

    @cached_property
    def stepper(self) -> Stepper:
        """The training step of this run; made once, since wrapping the model synchronises the processes."""
        return Stepper(
            self.objective,
            self.world.parallel(self.objective, self.device),
            self.optimizer,
            self.run.variant.image,
            self.run.seed,
            self.training.clip,
            self.world,
            deferred=self.device.type == "cuda",
            captured=self._captured(),
        )

    def _captured(self) -> CapturedSteps | None:
        """What launches the steps as CUDA graphs; None where they are taken kernel by kernel."""
        on_gpu = self.device.type == "cuda" and self.training.cuda_graph
        return CapturedSteps() if on_gpu and self.world.size == 1 else None

    def run_to_end(self, notice: StopNotice) -> None:
        """Train the remaining epochs, then publish the results."""
        with self.stream:
            for _ in self.turns(notice):
                pass

    @cached_property
    def stream(self) -> AbstractContextManager[object]:
        """What each turn is taken in: on a GPU a stream of the run's own, where graphs can be captured."""
        return own_stream(self.device)

    def turns(self, notice: StopNotice) -> Iterator[None]:
        """Train the remaining epochs, a step each turn, then publish the results.

        Several runs of one process take turns so; each turn is taken in the run's `stream`.
        """
        self._resume()
        if not self.progress.finished:
            self.images = self._settled()
        try:
            yield from self._train_to_end(notice)
        except Stopped:
            # If a process leaves now, the others may fail, while the first one still saves and journals.
            self.world.wait()
            raise
        self.world.wait()

    def _settled(self) -> dict[SplitName, SplitImages]:
        """The images, on the device as far as they fit there beside a step."""
        return settle(self.images, self.device, self._bytes_of_step)

    def _bytes_of_step(self) -> int:
        return bytes_of_step(
            self.objective,
            self.optimizer,
            self.images["train"],
            math.ceil(self.training.batch_size / self.world.size),
            self.run.variant.image,
        )

    def _train_to_end(self, notice: StopNotice) -> Iterator[None]:
        if not self.world.writes:
            while not self.progress.finished:
                yield from self._train_epoch(notice)
                self._end_epoch(notice)
            return
        write_text(self.folder.config, self._resolved())
        if self.progress.finished and has_journalled_end(self.folder.path):
            self._publish()
        else:
            with self._journalled() as journal, self.saver:
                self.saver.journal = journal
                journal.artifact(self._journal_path(self.folder.config))
                while not self.progress.finished:
                    yield from self._train_epoch(notice)
                    self._end_epoch(notice)
                self._publish()
                journal.artifact(*map(self._journal_path, self._published()))

    def _journal_path(self, file: Path) -> str:
        return journal_path(self.folder.path, file)

    def _published(self) -> list[Path]:
        """The files that MLflow gets at the end; the weights once, under the name that epochs uploaded."""
        folder, kept = self.folder, self.checkpoints
        weights = kept.best if kept.best.exists() else folder.best
        return [folder.run_json, folder.history, weights, kept.last]

    def _resume(self) -> None:
        kind = kind_of(self.device)
        checkpoint = self.checkpoints.load(
            self.progress.digest,
            lambda then: self.training.deterministic and not is_elsewhere(then, kind),
        )
        self.world.wait()  # no process may write a checkpoint that another still reads
        if checkpoint is not None:
            self._go_on(checkpoint, kind)
        elif self.world.writes:
            log.info("Beginning at epoch 1: there is no checkpoint to go on from.")
            self.folder.history.unlink(missing_ok=True)  # of another configuration
        if not self.progress.finished:
            self.progress.attempts.append(attempt(self.progress, kind, self.numerics.record()))
            self.progress.device = kind

    def _go_on(self, checkpoint: Checkpoint, kind: str) -> None:
        """Go on from a checkpoint in a job that has a device of this kind."""
        progress = checkpoint.progress
        # The first process speaks for all of a job, in which GPUs may differ.
        if self.world.writes and not progress.finished and is_elsewhere(progress, kind):
            allow_elsewhere(progress, kind, self.checkpoints.last, self.training.resume_anywhere)
        checkpoint.restore(self.model, self.optimizer)
        self.progress = progress
        if partial := checkpoint.epoch_tensors:
            self.outputs = EpochOutputs(
                self.progress.loss_sum, [partial["scores"]], [partial["labels"]]
            )
        if not self.world.writes:
            return
        if progress.finished:
            log.info("Trained before: its results are published again (--fresh trains anew).")
            return
        where = f"epoch {progress.epoch}, step {progress.step}"
        log.info("Going on from the checkpoint at %s.", where)

    def _train_epoch(self, notice: StopNotice) -> Iterator[None]:
        """Do the remaining steps of the epoch in progress."""
        progress, training, images = self.progress, self.training, self.images["train"]
        todo = batches(order(self.run.seed, progress.epoch, len(images)), training.batch_size)
        self.objective.train()
        begun, before = time.monotonic(), progress.seconds
        label = f"epoch {progress.epoch}/{training.epochs}"
        pace = Pace(label, progress.step, self.due)
        pending = range(progress.step, len(todo))

        def log_pace() -> None:
            if self.world.writes and self.due() and progress.step < len(todo):
                batch, step, each = training.batch_size, progress.step, len(todo)
                later = (training.epochs - progress.epoch) * each
                log.info("%s", pace_line(pace, self.outputs, batch, step, each, later))

        for step in steps(
            pending, total=len(todo), done=progress.step, label=label, otherwise=log_pace
        ):
            launched = self.stepper.step(
                images,
                todo[step],
                epoch=progress.epoch,
                step=step,
                lr=self._learning_rate(step),
                stop_reason=notice.reason,
            )
            progress.step = step + 1
            # A notice to a process alone needs no answer of others.
            heard = self.world.size == 1 and bool(notice.reason())
            self.outputs.expect(launched, 0 if heard else self.world.ahead(self.device))
            progress.seconds = before + time.monotonic() - begun
            self._save_if_due()
            if self.outputs.stop or heard:
                self._stop(notice)
            yield

    def _learning_rate(self, step: int) -> float:
        """The learning rate of a step of the epoch in progress, whichever job does the step."""
        each, epochs = self._steps_per_epoch, self.training.epochs
        return learning_rate(self.training, (self.progress.epoch - 1) * each + step, each * epochs)

    @cached_property
    def _steps_per_epoch(self) -> int:
        return len(batches(torch.arange(len(self.images["train"])), self.training.batch_size))

    def _end_epoch(self, notice: StopNotice) -> None:
        """Measure and record the epoch, then save; stop where a process had to in a step of it."""
        stop = self.outputs.end()
        row = self._measure_epoch()
        progress, epochs = self.progress, self.training.epochs
        progress.history.append(row)
        if self.world.writes:
            self.saver.keep_row(row)
            print(self._format_epoch(row), flush=True)
            self.due.put_off()
        if progress.epoch == epochs:
            progress.finished = True
            progress.provenance = self._record()["provenance"]
            progress.numerics = self.numerics.record()
        progress.epoch += not progress.finished
        progress.step = 0
        self.outputs = EpochOutputs()
        if progress.finished or not self.saver.every:
            self._save()
        elif not stop:
            self._save_if_due()
        if stop and not progress.finished:
            self._stop(notice)

    def _stop(self, notice: StopNotice) -> None:
        """Save, and end the job."""
        self._save()
        where = f"epoch {self.progress.epoch}, step {self.progress.step}"
        raise Stopped(
            f"{notice.reason() or 'notice'}: saved at {where}; the same command goes on from there."
        )

    def _save(self) -> None:
        """Save, and return when it is on disk."""
        if self.world.writes:
            self.saver.begin(self.progress, self.outputs)
            self.saver.wait()

    def _save_if_due(self) -> None:
        """Save while the training goes on, where it is time to."""
        if self.world.writes and self.saver.due():
            self.saver.begin(self.progress, self.outputs)

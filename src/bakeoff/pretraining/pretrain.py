"""The pretrain stage: masked patches on images without labels, in the training loop of variants."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import torch

from bakeoff.config.accepted import planned_pretraining_digest
from bakeoff.config.digest import pretraining_parts, trained_digest
from bakeoff.config.experiment import Experiment
from bakeoff.config.pretraining import Pretraining
from bakeoff.config.resolved import resolved_pretraining
from bakeoff.data.pack import open_packed
from bakeoff.data.tables import split_frame
from bakeoff.files import write_json
from bakeoff.layout import Layout, SplitName
from bakeoff.models.registry import Task, build
from bakeoff.pretraining.masked_patches import MaskedPatches
from bakeoff.pretraining.unlabelled import open_unlabelled
from bakeoff.tracking.journal.journal import Journal
from bakeoff.training.checkpoint import save_weights
from bakeoff.training.device import choose_device
from bakeoff.training.distributed import World
from bakeoff.training.history import write_history
from bakeoff.training.images import SplitImages
from bakeoff.training.job import training_job, warn_of_threads
from bakeoff.training.journalling import journalled
from bakeoff.training.loop import TrainingLoop
from bakeoff.training.out_of_memory import not_tried_again_as_it_is
from bakeoff.training.randomness import derive

COLUMNS = ("epoch", "loss", "masked_error", "lr", "seconds")


def pretrain(
    experiment: Experiment, pretraining: Pretraining, layout: Layout, *, fresh: bool = False
) -> Path:
    """Pretrain and write weights.safetensors, history.csv and run.json; returns the weights' path.

    Images come from the pack of the training split, or from that of an unlabelled folder of which no
    patient is in the test split. A pretraining that was stopped or killed goes on from its last
    checkpoint and ends with the same weights as one that was not. `fresh` forgets the checkpoints first.

    Raises Stopped after a notice, with the state saved; DataError, ConfigError or TrainingError.
    """
    folder = layout.pretraining(pretraining.name)
    variant = pretraining.variant
    device = choose_device(variant.training.device, asked=variant.resources.asks_for_gpu)
    planned = planned_pretraining_digest(pretraining, folder)
    with (
        training_job(folder, device, fresh=fresh) as (notice, world, chosen),
        not_tried_again_as_it_is(
            folder.checkpoints, pretraining.run, chosen, planned, world, fresh=fresh
        ) as attempt,
    ):
        if world.writes:
            warn_of_threads(variant.training.threads)
        attempt.loop = Pretrainer(experiment, pretraining, layout, world, chosen)
        attempt.loop.run_to_end(notice)
    return folder.best


class Pretrainer(TrainingLoop):
    """A pretraining in progress: one set of images, no labels and no validation."""

    columns = COLUMNS

    def __init__(
        self,
        experiment: Experiment,
        pretraining: Pretraining,
        layout: Layout,
        world: World,
        device: torch.device,
    ) -> None:
        self.pretraining = pretraining
        folder = layout.pretraining(pretraining.name)
        super().__init__(experiment, pretraining.run, layout, folder, world, device)

    def _build(self) -> MaskedPatches:
        return build_masked_patches(self.pretraining)

    def _open_images(self) -> dict[SplitName, SplitImages]:
        return {"train": open_images(self.pretraining, self.experiment, self.layout, self.device)}

    def _planned(self) -> str:
        return planned_pretraining_digest(self.pretraining, self.folder)

    def _parts(self) -> dict[str, Any]:
        return pretraining_parts(self.pretraining)

    def _digest(self) -> str:
        return trained_digest(self._planned(), self.images["train"].digest)

    def _journalled(self) -> AbstractContextManager[Journal]:
        tables: dict[SplitName, tuple[Path, int]] = {}
        if self.pretraining.masking.images is None:
            tables["train"] = (self.layout.split("train"), len(self.images["train"]))
        # In MLflow it is listed beside the variants, under a name that none of them can have.
        record = {**self._record(), "variant": self.pretraining.weights}
        live = self.experiment.tracking.live
        return journalled(
            self.experiment, self.folder.path, record, self.progress, self.checkpoints, tables, live
        )

    def _record(self) -> dict[str, Any]:
        record = super()._record()
        del record["best"]
        record["pretraining"] = record.pop("variant")
        record["config"]["masking"] = self.pretraining.masking.model_dump(mode="json")
        record["images"] = len(self.images["train"])
        return record

    def _resolved(self) -> str:
        return resolved_pretraining(self.experiment, self.pretraining)

    def _measure_epoch(self) -> dict[str, float]:
        """The mean loss and error; there is nothing to validate on, and the last weights are kept."""
        progress, outputs = self.progress, self.outputs
        errors = outputs.tensors()["scores"]  # each image's, in the order of its step
        return {
            "epoch": progress.epoch,
            "loss": outputs.loss_sum / len(errors),
            "masked_error": float(errors.double().mean()),
            "lr": self._learning_rate(progress.step - 1),
            "seconds": progress.seconds - sum(r["seconds"] for r in progress.history),
        }

    def _format_epoch(self, row: dict[str, float]) -> str:
        return format_epoch(row, self.training.epochs)

    def _publish(self) -> None:
        """Write the weights that a variant starts from, the history and run.json."""
        progress = self.progress
        assert isinstance(self.model, MaskedPatches)
        write_history(self.folder.history, progress.history, COLUMNS)
        metadata = {"epoch": len(progress.history), "digest": progress.digest}
        save_weights(self.folder.best, self.model.pretrained(), metadata)
        write_json(self.folder.run_json, self._record())


def open_images(
    pretraining: Pretraining, experiment: Experiment, layout: Layout, device: torch.device
) -> SplitImages:
    """The images of a pretraining: those of the training split, or of its own folder."""
    if pretraining.masking.images is not None:
        return open_unlabelled(pretraining, experiment, layout, device)
    names = split_frame(layout.split("train"))[experiment.data.image_column]
    packed = open_packed(layout, pretraining.variant.image, "train")
    return SplitImages.unlabelled(list(names), packed, device)


def build_masked_patches(pretraining: Pretraining) -> MaskedPatches:
    """The model of a pretraining, its initial weights drawn from the seed."""
    variant, masking = pretraining.variant, pretraining.masking
    torch.manual_seed(derive(masking.seed, "initialise"))
    task = Task(channels=variant.image.channels, size=variant.image.size, outputs=2)
    return MaskedPatches(
        build(variant.model, task, variant.options),
        masked=masking.masked,
        normalise_target=masking.normalise_target,
        next_part=masking.next_part,
    )


def format_epoch(row: Mapping[str, float], epochs: int) -> str:
    """The lines of one epoch, in the format of training's."""
    return (
        f"-----Epoch {row['epoch']:.0f}/{epochs}-----\n"
        f"Pretraining | Loss: {row['loss']:.4f} | Error of hidden patches: {row['masked_error']:.4f}"
    )

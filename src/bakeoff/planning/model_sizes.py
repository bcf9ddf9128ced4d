"""How large a model is: its weights, and the multiply-adds of one image through it.

Everything is counted on torch's meta device: see `bakeoff.models.multiply_adds`, also for what is left out.
"""

import csv
import io
from pathlib import Path

import torch
from torch import nn

from bakeoff.config.experiment import Experiment, Variant
from bakeoff.config.schema import NIH_FINDINGS
from bakeoff.data.tables import closed_task
from bakeoff.files import write_text
from bakeoff.models.catalogue import entries, find
from bakeoff.models.multiply_adds import multiply_adds
from bakeoff.models.registry import Task, build
from bakeoff.models.sizes import COLUMNS, FILE, Size
from bakeoff.task.losses import loss_of
from bakeoff.weights.start import build_started

FINDINGS = ("No Finding", *NIH_FINDINGS)
OURS = Task(channels=1, size=224, outputs=2, findings=FINDINGS)
PUBLISHED = Task(channels=3, size=224, outputs=1000, findings=FINDINGS)


def count(model: nn.Module, task: Task) -> tuple[int, int, int]:
    """Weights, those of them that train, and the multiply-adds of `model`'s forward for one image.

    The model is on any device and is put into evaluation mode; of one that emits findings the forward is
    the first label.
    """
    weights = sum(p.numel() for p in model.parameters())
    training = sum(p.numel() for p in model.parameters() if p.requires_grad)
    return weights, training, multiply_adds(model, task.channels, task.size)


def count_variant(experiment: Experiment, variant: Variant) -> tuple[int, int, int]:
    """The same of a variant as it is configured: its options, image size, channels and loss.

    Weights that are still to be fetched or made are not waited for: published ones see three colours.
    """
    options, channels = dict(variant.options), variant.image.channels
    weights = variant.weights
    there = weights is not None and weights.file.is_file()
    if weights is not None:
        options["weights"] = str(weights.file) if there else None
        channels = 3 if weights.kind == "timm" else channels
    wanted = closed_task(experiment.data)
    task = Task(
        channels,
        variant.image.size,
        loss_of(wanted, variant.training.loss).outputs,
        wanted.vocabulary,
        negatives=wanted.negatives,
        scored=wanted.scored_as,
    )
    # A file's weights decide about channels, and timm computes with values while it builds.
    with torch.device("cpu" if there or find(variant.model).is_family else "meta"):
        return count(build_started(variant.model, task, options), task)


def size_of(name: str) -> Size:
    """The size of a model of the zoo with its own defaults."""
    with torch.device("meta"):
        published = sum(p.numel() for p in build(name, PUBLISHED, {}).parameters())
        model = build(name, OURS, {})
    return Size(published, *count(model, OURS))


def write_sizes(file: Path = FILE) -> None:
    """Count every model and write the table that `bakeoff models` reads; run it after adding a model."""
    buffer = io.StringIO()
    table = csv.writer(buffer, lineterminator="\n")
    table.writerow(["model", *COLUMNS])
    for name, entry in entries().items():
        if not entry.is_family:
            size = size_of(name)
            table.writerow([name, *(getattr(size, column) for column in COLUMNS)])
    write_text(file, buffer.getvalue())


if __name__ == "__main__":
    torch.set_num_threads(1)
    write_sizes()

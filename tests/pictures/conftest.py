"""The small bake-off of the training tests, trained and evaluated once for the pictures."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from bakeoff.config.experiment import Experiment
from bakeoff.data.classes import ClassNames
from bakeoff.data.pack import pack
from bakeoff.data.splits import write_splits
from bakeoff.evaluation.metrics import evaluate_predictions
from bakeoff.inference.predict import predict
from bakeoff.layout import Layout
from bakeoff.models.registry import Task, build
from bakeoff.pictures.choice import OUTCOMES, Chosen
from bakeoff.pictures.subject import Subject
from bakeoff.task.binary import BinaryTask
from bakeoff.task.losses import losses_of
from bakeoff.training.train import train
from tests.training.conftest import phantoms

LOSSES = losses_of(BinaryTask())

__all__ = ["phantoms"]

torch.set_num_threads(1)  # these models are too small to share among threads

SIZE = 80
FINDINGS = ("No Finding", "Effusion", "Mass", "Nodule")
VIT: dict[str, Any] = {"depth": 3, "width": 24, "heads": 2, "patch": 8}
TRANSFORMER: dict[str, Any] = {
    **{"width": 24, "heads": 2, "hidden": 32, "patch": 8, "dropout": 0.0},
    **{"encoder_depth": 2, "decoder_depth": 2},
}


def built(name: str, *, size: int = 32, channels: int = 1, **options: Any) -> nn.Module:
    """A model with random weights everywhere: a head at zero has no gradient to draw."""
    torch.manual_seed(0)
    task = Task(channels=channels, size=size, outputs=2, findings=FINDINGS)
    model = build(name, task, options).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if not bool(parameter.any()):
                parameter.normal_(std=0.5)
    return model


def subject_of(model: nn.Module, *, size: int = 32, channels: int = 1, count: int = 4) -> Subject:
    """Random images, one of each outcome, under a model."""
    images = torch.rand(count, channels, size, size, generator=torch.Generator().manual_seed(1))
    chosen = [
        Chosen(f"{i}.png", int(i % 4 < 2), 0.2 + 0.6 * (i % 4 in (0, 2)), OUTCOMES[i % 4])
        for i in range(count)
    ]
    return Subject(
        model=model,
        loss=LOSSES["cross_entropy"],
        images=images,
        pixels=(images[:, 0].numpy() * 255).astype(np.uint8),
        chosen=tuple(chosen),
        threshold=0.5,
        findings=FINDINGS,
        classes=ClassNames("No Finding", "shadow"),
    )


@pytest.fixture(scope="session")
def evaluated(
    phantoms: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], tuple[Experiment, Layout]]:
    """Train and evaluate one variant of a small bake-off, each once for all tests."""
    folder = tmp_path_factory.mktemp("pictures")
    values = {
        "experiment": "small",
        "results": str(folder),
        "data": {
            "labels": str(phantoms / "sample_labels.csv"),
            "images": str(phantoms / "images"),
        },
        "split": {"train": 40, "val": 20, "test": 20},
        "image": {"size": SIZE},
        "training": {"epochs": 2, "batch_size": 8, "lr": 1e-3},
        "tracking": {"live": False},
        "variants": {
            "conv": {"model": "conv"},
            "vit": {"model": "vit_b16", **VIT},
            "transformer": {"model": "transformer", **TRANSFORMER},
            "rnn": {"model": "rnn"},
        },
    }
    experiment = Experiment.parse(values, "test")
    layout = Layout(folder / experiment.name)
    write_splits(experiment.data, experiment.split, layout.splits, workers=1)
    pack(layout.splits, experiment.data, SIZE, layout.packed(SIZE), workers=1)
    done: set[str] = set()

    def make(variant: str) -> tuple[Experiment, Layout]:
        if variant not in done:
            run = experiment.run(variant, 0)
            train(experiment, run, layout)
            predict(experiment, run, layout)
            evaluate_predictions(layout.run(variant, 0).path)
            done.add(variant)
        return experiment, layout

    return make

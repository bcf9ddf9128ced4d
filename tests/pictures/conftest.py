"""The small bake-off of the training tests, trained and evaluated once for the pictures."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from bakeoff.config.experiment import Experiment
from bakeoff.data.pack import pack
from bakeoff.data.splits import write_splits
from bakeoff.evaluation.metrics import evaluate_predictions
from bakeoff.inference.predict import predict
from bakeoff.layout import Layout
from bakeoff.models.registry import Task, build
from bakeoff.pictures.choice import Chosen
from bakeoff.pictures.log_odds import log_odds
from bakeoff.pictures.subject import Subject
from bakeoff.task.binary import BinaryTask
from bakeoff.task.losses import losses_of
from bakeoff.task.outcomes import Case
from bakeoff.task.outcomes.binary import OUTCOMES
from bakeoff.training.train import train
from tests.training.conftest import phantoms

__all__ = ["phantoms"]

torch.set_num_threads(1)  # these models are too small to share among threads

SIZE = 80
FINDINGS = ("No Finding", "Effusion", "Mass", "Nodule")
BINARY = BinaryTask(FINDINGS[:1], FINDINGS[1:])
LOSSES = losses_of(BINARY)
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


def subject_of(
    model: nn.Module,
    *,
    size: int = 32,
    channels: int = 1,
    count: int = 4,
    task: BinaryTask = BINARY,
) -> Subject:
    """Random images, one of each outcome, under a model."""
    images = torch.rand(count, channels, size, size, generator=torch.Generator().manual_seed(1))
    chosen = []
    for i in range(count):
        outcome, label, called = OUTCOMES[i % 4]
        case = Case(i, outcome, outcome, 0, label)
        chosen.append(Chosen(f"{i}.png", case, 0.2 + 0.6 * called, task.scored[0]))
    return Subject(
        model=model,
        task=task,
        loss=LOSSES["cross_entropy"],
        images=images,
        pixels=(images[:, 0].numpy() * 255).astype(np.uint8),
        chosen=tuple(chosen),
        labels=np.array([image.case.label for image in chosen]),
        scores=np.array([image.score for image in chosen]),
        thresholds={task.scored[0]: 0.5},
    )


def score_of(model: nn.Module, images: Tensor, loss: str = "cross_entropy") -> Tensor:
    """The log-odds of class 1 of each image."""
    first = torch.zeros(len(images), dtype=torch.int64)
    return log_odds(model, images, first, BINARY, LOSSES[loss])


Evaluated = Callable[[str], tuple[Experiment, Layout]]


def bake_off(values: dict[str, Any], folder: Path) -> Evaluated:
    """A small bake-off of which each variant is trained and evaluated once for all tests."""
    values = {
        "experiment": "small",
        "results": str(folder / "results"),
        "image": {"size": SIZE},
        "training": {"epochs": 2, "batch_size": 8, "lr": 1e-3},
        "tracking": {"live": False},
        **values,
    }
    experiment = Experiment.parse(values, "test")
    layout = Layout(experiment.results / experiment.name)
    write_splits(experiment.data, experiment.split, layout.splits, workers=1)
    for packing in experiment.packings():
        pack(layout.splits, experiment.data, packing, packing.folder(layout), workers=1)
    done: set[str] = set()

    def make(variant: str) -> tuple[Experiment, Layout]:
        if variant not in done:
            run = experiment.run(variant, 0)
            train(experiment, run, layout)
            predict(experiment, run, layout)
            evaluate_predictions(layout.run(variant, 0).path, experiment.task)
            done.add(variant)
        return experiment, layout

    return make


@pytest.fixture(scope="session")
def evaluated(phantoms: Path, tmp_path_factory: pytest.TempPathFactory) -> Evaluated:
    """Two classes of grey images."""
    values = {
        "data": {
            "labels": str(phantoms / "sample_labels.csv"),
            "images": str(phantoms / "images"),
        },
        "split": {"train": 40, "val": 20, "test": 20},
        "variants": {
            "conv": {"model": "conv"},
            "vit": {"model": "vit_b16", **VIT},
            "transformer": {"model": "transformer", **TRANSFORMER},
            "rnn": {"model": "rnn"},
        },
    }
    return bake_off(values, tmp_path_factory.mktemp("pictures"))


COLOURS = {"red_disc": (235, 30, 110), "green disc": (50, 190, 60), "blue/disc": (120, 40, 230)}
SHALLOW = {key: value for key, value in VIT.items() if key != "patch"}


def discs(folder: Path, images: int, *, several: bool) -> dict[str, Any]:
    """Colour images of discs in grey noise, labelled by their colours; returns the section `data`.

    Of one disc each, or of `several`: any number.
    """
    random = np.random.default_rng(0)
    (folder / "images").mkdir()
    lines = ["image,label"]
    down, across = np.mgrid[:88, :88]
    for number in range(images):
        count = random.integers(0, 4) if several else 1
        names = [list(COLOURS)[at] for at in sorted(random.choice(3, count, replace=False))]
        pixels = np.repeat(random.integers(60, 200, (88, 88, 1), dtype=np.uint8), 3, axis=2)
        for name in names:
            y, x = random.integers(20, 68, 2)
            pixels[(down - y) ** 2 + (across - x) ** 2 < 15**2] = COLOURS[name]
        Image.fromarray(pixels).save(folder / "images" / f"{number:03}.png")
        lines.append(f"{number:03}.png,{'|'.join(names) or 'nothing'}")
    (folder / "labels.csv").write_text("\n".join(lines))
    columns = {"image_column": "image", "label_column": "label", "patient_column": None}
    return {"labels": str(folder / "labels.csv"), "images": str(folder / "images"), **columns}


@pytest.fixture(scope="session")
def classes(tmp_path_factory: pytest.TempPathFactory) -> Evaluated:
    """Three classes, told by their colours."""
    folder = tmp_path_factory.mktemp("classes")
    values = {
        "task": {"kind": "multiclass", "classes": list(COLOURS)},
        "data": discs(folder, 90, several=False),
        "split": {"train": 45, "val": 20, "test": 25, "group_by": None},
        "image": {"size": SIZE, "channels": 3},
        "variants": {
            "conv": {"model": "conv"},
            "resnet": {"model": "timm/resnet10t"},
            "vit": {"model": "vit_b16", **VIT},
            "si_vit": {"model": "si_vit", "instance": 16, **VIT},
            "transformer": {"model": "transformer", **TRANSFORMER},
            "rnn_self_attention": {"model": "rnn_self_attention", "hidden": 8},
            "msht": {"model": "msht", "width": 24, "heads": 2, "base": 8, "image": {"size": 64}},
        },
    }
    return bake_off(values, folder)


@pytest.fixture(scope="session")
def findings(tmp_path_factory: pytest.TempPathFactory) -> Evaluated:
    """Three findings, any number of them in an image."""
    folder = tmp_path_factory.mktemp("findings")
    values = {
        "task": {"kind": "multilabel", "findings": list(COLOURS), "none": ["nothing"]},
        "data": discs(folder, 90, several=True),
        "split": {"train": 45, "val": 20, "test": 25, "group_by": None},
        "image": {"size": SIZE, "channels": 3},
        "variants": {
            "conv": {"model": "conv"},
            "vit": {"model": "vit_b16", **VIT},
            "vpt": {"model": "vpt_shallow", **SHALLOW},
            "transformer": {"model": "transformer", **TRANSFORMER},
            "rnn_attention": {"model": "rnn_attention", "hidden": 8},
        },
    }
    return bake_off(values, folder)

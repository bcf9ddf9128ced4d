"""A small real bake-off: synthetic X-rays, split and packed, ready to train."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from bakeoff.config.experiment import Experiment
from bakeoff.data.pack import pack
from bakeoff.data.splits import write_splits
from bakeoff.data.synthesis import synthesize
from bakeoff.layout import Layout

SIZE = 80

EACH_EPOCH = {"checkpoint": {"every": 0}}
"""A training that saves itself, and tells of each epoch, as it ends; the default is once a minute."""


@pytest.fixture(scope="session")
def phantoms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """80 small synthetic X-rays with their labels."""
    folder = tmp_path_factory.mktemp("phantoms")
    synthesize(folder, images=80, size=96, seed=0)
    return folder


@pytest.fixture
def values(phantoms: Path, tmp_path: Path) -> dict[str, Any]:
    """The configuration of a bake-off that trains in a second or two."""
    return {
        "experiment": "small",
        "results": str(tmp_path / "results"),
        "data": {
            "labels": str(phantoms / "sample_labels.csv"),
            "images": str(phantoms / "images"),
        },
        "split": {"train": 40, "val": 20, "test": 20},
        "image": {"size": SIZE},
        "training": {"epochs": 3, "batch_size": 8, "lr": 1e-3},
        "tracking": {"live": False},  # tests of tracking send
        "variants": {
            "conv": {"model": "conv"},
            "conv_bn": {"model": "conv", "norm": "batch"},
            "dropout": {"model": "timm/resnet10t", "dropout": 0.5, "training": {"epochs": 1}},
        },
    }


@pytest.fixture(scope="session")
def tinted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """80 pictures with a disc, whose hue is the class and whose grey is the same in both, and a table."""
    folder = tmp_path_factory.mktemp("tinted")
    (folder / "images").mkdir()
    random = np.random.default_rng(0)
    rows, columns = np.mgrid[:90, :110]
    table = ["image,label,Patient ID"]
    for number in range(80):
        label = number % 2
        pixels = random.integers(90, 110, (90, 110, 3)).astype(np.uint8)
        top, left = random.integers(30, 60, 2)
        inside = (rows - top) ** 2 + (columns - left) ** 2 < 400
        pixels[inside] = (40, 135, 90) if label else (168, 70, 88)  # the same grey
        Image.fromarray(pixels).save(folder / f"images/{number:03}.png")
        table.append(f"{number:03}.png,{'green' if label else 'red'},{number + 1}")
    (folder / "labels.csv").write_text("\n".join(table) + "\n")
    return folder


AUGMENTED = {
    "rotate": {"degrees": 15, "probability": 0.5},
    "crop": {"scale": [0.5, 1.0], "probability": 0.7},
    "flip": {},
    "jitter": {"hue": 0.02, "probability": 0.6},
}
"""Every augmentation there is, each of some images only."""


@pytest.fixture
def colour_values(values: dict[str, Any], tinted: Path) -> dict[str, Any]:
    """The same for pictures in colour, with every augmentation."""
    data = {
        "labels": str(tinted / "labels.csv"),
        "images": str(tinted / "images"),
        "image_column": "image",
        "label_column": "label",
        "negative": ["red"],
        "positive": ["green"],
    }
    image = {"size": SIZE, "channels": 3, "normalise": "unit", **AUGMENTED}
    return {**values, "data": data, "image": image}


@pytest.fixture
def prepare_colours(colour_values: dict[str, Any], tmp_path: Path) -> "Prepare":
    """Split and pack the pictures in colour."""
    return Prepare(colour_values, tmp_path)


@pytest.fixture
def prepare(values: dict[str, Any], tmp_path: Path) -> "Prepare":
    """Split and pack the configuration as a test changed it."""
    return Prepare(values, tmp_path)


class Prepare:
    def __init__(self, values: dict[str, Any], folder: Path) -> None:
        self.values, self.folder = values, folder

    def __call__(self, name: str = "a") -> tuple[Experiment, Layout]:
        """An experiment with its splits and pack, in a results folder of its own."""
        experiment = Experiment.parse(self.values, "test")
        layout = Layout(self.folder / "results" / name / experiment.name)
        write_splits(experiment.data, experiment.split, layout.splits, workers=1)
        for packing in experiment.packings():
            folder = packing.folder(layout)
            pack(layout.splits, experiment.data, packing, folder, workers=1)
        return experiment, layout

    def config_file(self) -> Path:
        """The configuration as a file, for the command line."""
        file = self.folder / "config.yaml"
        file.write_text(yaml.safe_dump(self.values))
        return file

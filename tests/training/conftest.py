"""A small real bake-off: synthetic X-rays, split and packed, ready to train."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from bakeoff.config.experiment import Experiment
from bakeoff.data.pack import pack
from bakeoff.data.splits import write_splits
from bakeoff.data.synthesis import synthesize
from bakeoff.layout import Layout

SIZE = 80


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
        pack(layout.splits, experiment.data, SIZE, layout.packed(SIZE), workers=1)
        return experiment, layout

    def config_file(self) -> Path:
        """The configuration as a file, for the command line."""
        file = self.folder / "config.yaml"
        file.write_text(yaml.safe_dump(self.values))
        return file

"""A bake-off of conv_bn on 600 synthetic X-rays, ready to train: what epochs are measured with."""

from pathlib import Path

from bakeoff.config.experiment import Experiment
from bakeoff.data.pack import pack
from bakeoff.data.splits import write_splits
from bakeoff.data.synthesis import synthesize
from bakeoff.layout import Layout


def bake_off(
    room: Path, *, size: int, batch_size: int, epochs: int, live: bool = False
) -> tuple[Experiment, Layout]:
    """600 images to train on, 200 to validate, 200 left over, packed at `size` pixels."""
    synthesize(room / "data", images=1000, size=128, seed=0)
    values = {
        "experiment": "cost",
        "results": str(room / "results"),
        "data": {
            "labels": str(room / "data/sample_labels.csv"),
            "images": str(room / "data/images"),
        },
        "image": {"size": size},
        "training": {"epochs": epochs, "batch_size": batch_size, "lr": 1e-3},
        "tracking": {"live": live},
        "variants": {"conv_bn": {"model": "conv", "norm": "batch"}},
    }
    experiment = Experiment.parse(values, "benchmark")
    layout = Layout(experiment.results / experiment.name)
    write_splits(experiment.data, experiment.split, layout.splits)
    pack(layout.splits, experiment.data, size, layout.packed(size))
    return experiment, layout

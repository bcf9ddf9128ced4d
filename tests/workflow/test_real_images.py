"""The stages on 1,000 real chest X-rays: what they learn is there to be learnt, and the audit is right."""

import json
from pathlib import Path

import pandas as pd
import pytest

from bakeoff.config.experiment import Experiment
from bakeoff.config.load import merge, read_files
from bakeoff.data.pack import pack
from bakeoff.data.splits import write_splits
from bakeoff.evaluation.baselines import write_baselines
from bakeoff.evaluation.comparison import compare
from bakeoff.evaluation.metrics import evaluate_predictions
from bakeoff.inference.predict import predict
from bakeoff.layout import Layout
from bakeoff.training.train import train

CONFIG = Path(__file__).parents[2] / "config/nih_laptop.yaml"


@pytest.mark.slow(seconds=50)
def test_batch_normalisation_learns_more_from_real_images_than_the_table_tells(
    shared_data: Path, tmp_path: Path
) -> None:
    folder = shared_data / "nih-1000"
    smaller = {
        "data": {
            "source": "files",
            "labels": str(folder / "sample_labels.csv"),
            "images": str(folder / "images"),
        },
        "image": {"size": 112},
        "training": {"epochs": 8, "seeds": [0]},
        "tracking": {"live": False},
    }
    experiment = Experiment.parse(merge(read_files([CONFIG]), smaller), "test")
    layout = Layout(tmp_path)
    write_splits(experiment.data, experiment.split, layout.splits)
    pack(layout.splits, experiment.data, 112, layout.packed(112))
    write_baselines(tmp_path)
    run = experiment.run("conv_bn", 0)
    train(experiment, run, layout)
    predict(experiment, run, layout)
    evaluate_predictions(layout.run("conv_bn", 0).path)
    table = compare(tmp_path, [("conv_bn", (0,))]).set_index("variant")
    assert table.test_auroc_mean["conv_bn"] > 0.75 > table.test_auroc_mean["metadata"] > 0.55
    audit = json.loads((layout.splits / "audit.json").read_text())
    assert any("00002658_001.png" in w and "00002658_002.png" in w for w in audit["warnings"])
    sizes = [len(pd.read_csv(layout.split(name))) for name in ("train", "val", "test")]
    assert sizes == [600, 200, 200]

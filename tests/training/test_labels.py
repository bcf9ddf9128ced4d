"""What the data calls its labels, from the table to trained runs."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from bakeoff.data.pack import PackedImages
from bakeoff.inference.predict import predict
from bakeoff.training.images import SplitImages
from bakeoff.training.train import train
from tests.training.conftest import SIZE, Prepare

EMITTER = {"model": "rnn_attention", "patch": 16, "hidden": 8, "training": {"epochs": 1}}


def relabel(values: dict[str, Any], folder: Path, column: str) -> list[str]:
    """Call the labels Normal, Mass and Other, in a column of that name; returns one per row."""
    table = pd.read_csv(values["data"]["labels"], dtype=str, keep_default_na=False)
    found = table.pop("Finding Labels")
    texts = ["Normal" if f == "No Finding" else "Mass" if "Mass" in f else "Other" for f in found]
    table.insert(0, column, texts)
    table.to_csv(folder / "labels.csv", index=False)
    keys = {"label_column": column, "negative": ["Normal"], "positive": ["Mass", "Other"]}
    values["data"] |= {"labels": str(folder / "labels.csv"), **keys}
    return texts


@pytest.mark.parametrize("model", [{"model": "conv", "training": {"epochs": 1}}, EMITTER])
def test_labels_in_a_column_named_disease_are_trained_on(
    values: dict[str, Any], prepare: Prepare, tmp_path: Path, model: dict[str, Any]
) -> None:
    texts = relabel(values, tmp_path, "Disease")
    values["variants"] = {"v": model}
    experiment, layout = prepare()
    packed = PackedImages.open(layout.packed(SIZE))
    parts = [
        SplitImages.open(layout.split(name), packed, experiment.data, torch.device("cpu"))
        for name in ("train", "val", "test")
    ]
    counted = torch.cat([part.findings for part in parts]).sum(dim=0).int().tolist()
    assert counted == [texts.count(label) for label in ("Normal", "Mass", "Other")]
    train(experiment, experiment.run("v", 0), layout)
    predict(experiment, experiment.run("v", 0), layout)
    assert len(pd.read_csv(layout.run("v", 0).predictions("test"))) == 20


@pytest.mark.slow(seconds=3)
def test_another_label_is_another_run_of_a_model_that_emits_labels(
    values: dict[str, Any], prepare: Prepare, tmp_path: Path
) -> None:
    relabel(values, tmp_path, "Finding Labels")
    values["variants"] = {"emitter": EMITTER, "conv": {"model": "conv", "training": {"epochs": 1}}}
    emitted = []
    for positive in (["Mass", "Other"], ["Other", "Mass"], ["Mass", "Nodule", "Other"]):
        values["data"]["positive"] = positive
        experiment, layout = prepare()
        before = layout.run("conv", 0).best.stat() if emitted else None
        for run in experiment.runs():
            train(experiment, run, layout)
            predict(experiment, run, layout)
        emitted.append(layout.run("emitter", 0).best.read_bytes())
        if before is not None:
            assert layout.run("conv", 0).best.stat().st_mtime_ns == before.st_mtime_ns
    assert len(set(emitted)) == 3

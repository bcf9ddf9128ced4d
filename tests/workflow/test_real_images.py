"""The stages on 1,000 real chest X-rays: what they learn is there to be learnt, and the audit is right."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bakeoff.config.experiment import Experiment
from bakeoff.config.load import merge, read_files
from bakeoff.data.pack import pack
from bakeoff.data.splits import write_splits
from bakeoff.evaluation.baselines import write_baselines
from bakeoff.evaluation.comparison import compare
from bakeoff.evaluation.metrics import evaluate_predictions
from bakeoff.files import read_json
from bakeoff.inference.predict import predict
from bakeoff.layout import Layout
from bakeoff.training.train import train
from tests.report.test_document import Page
from tests.workflow.conftest import small

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
    table = compare(tmp_path, [("conv_bn", (0,))]).table.set_index("variant")
    assert table.test_auroc_mean["conv_bn"] > 0.75 > table.test_auroc_mean["metadata"] > 0.55
    audit = json.loads((layout.splits / "audit.json").read_text())
    assert any("00002658_001.png" in w and "00002658_002.png" in w for w in audit["warnings"])
    sizes = [len(pd.read_csv(layout.split(name))) for name in ("train", "val", "test")]
    assert sizes == [600, 200, 200]


@pytest.mark.slow(seconds=60)
def test_each_finding_of_twenty_patients_is_reported_with_its_interval_and_their_mean(
    shared_data: Path, tmp_path: Path
) -> None:
    folder = shared_data / "nih-1000"
    table = pd.read_csv(folder / "sample_labels.csv")
    each = table.assign(finding=table["Finding Labels"].str.split("|")).explode("finding")
    patients = each.groupby("finding")["Patient ID"].nunique().drop("No Finding")
    findings = sorted(patients[patients >= 20].index)
    assert len(findings) == 7 and "Pneumonia" in findings
    config = {
        "experiment": "small",
        "task": {
            "kind": "multilabel",
            "findings": findings,
            "ignore": sorted({*patients.index} - {*findings}),
        },
        "data": {
            "source": "files",
            "labels": str(folder / "sample_labels.csv"),
            "images": str(folder / "images"),
        },
        "split": {"train": 600, "val": 200, "test": 200},
        "image": {"size": 80},
        "training": {"epochs": 2, "batch_size": 16, "lr": 1e-3},
        "tracking": {"live": False},
        "variants": {"conv_bn": {"model": "conv", "norm": "batch"}},
    }
    workflow = replace(small(tmp_path / "findings"), config=config)
    workflow.snakemake("--cores", "2", "results/small/report.html")
    metrics = read_json(workflow.results / "runs/conv_bn/seed-0/metrics.json")
    assert list(metrics["test"]["classes"]) == findings and metrics["test"]["left_out"] == []
    areas = [figures["auroc"] for figures in metrics["test"]["classes"].values()]
    assert metrics["test"]["macro_auroc"] == pytest.approx(np.mean(areas))
    assert metrics["test"]["macro_auroc"] > 0.6  # two epochs are enough to tell the projections
    shown = Page((workflow.results / "report.html").read_text(encoding="utf-8")).text
    for name, figures in metrics["test"]["classes"].items():
        ends = figures["intervals"]["auroc"]
        told = f"{ends[0]:.3f} to {ends[1]:.3f}" if ends else "too few: "
        assert f"{name} {figures['n']} {figures['auroc']:.3f} {told}" in shown
    low, high = metrics["test"]["intervals"]["macro_auroc"]
    assert f"mean {metrics['test']['macro_auroc']:.3f} {low:.3f} to {high:.3f}" in shown

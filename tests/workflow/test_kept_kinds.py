"""Bake-offs of classes and of findings, by Snakemake: what is done, what runs again, what can be kept."""

import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bakeoff.files import read_json
from tests.photographs import photographs
from tests.tracking.stored import open_store, runs
from tests.workflow.conftest import Workflow, copy, small
from tests.workflow.test_accept import edited, said

pytestmark = pytest.mark.slow(seconds=60)

CONV, STEP = "src/bakeoff/models/conv.py", "nn.ReLU()"
ALIKE, OTHER = "nn.ReLU(inplace=False)", "nn.GELU()"

TASKS: dict[str, dict[str, Any]] = {
    "multiclass": {"kind": "multiclass"},
    "multilabel": {"kind": "multilabel", "findings": ["crack", "A/ä", "dirt"], "none": ["intact"]},
}
SELECTED = {"multiclass": "balanced_accuracy", "multilabel": "macro_average_precision"}


def made(folder: Path, kind: str) -> Workflow:
    """A small bake-off of photographs that ran to its end."""
    workflow = small(folder)
    table = photographs(folder, rows=72, labels=("intact", "crack", "A/ä", "dirt"))
    if kind == "multilabel":
        rows = pd.read_csv(table)
        rows.loc[rows["label"] == "crack", "label"] = "crack|dirt"
        rows.to_csv(table, index=False)
    config = {
        "experiment": "small",
        "task": TASKS[kind],
        "data": {
            "labels": "labels.csv",
            "images": "photos",
            "image_column": "image",
            "label_column": "label",
            "patient_column": None,
        },
        "split": {"train": 36, "val": 16, "test": 20},
        "image": {"size": 32, "channels": 3},
        "training": {
            **{"epochs": 2, "batch_size": 8, "lr": 1e-2, "seeds": [0, 1]},
            "select_on": SELECTED[kind],
        },
        "variants": {"conv": {"model": "conv", "kernel_size": 1}},
    }
    workflow = workflow.with_config(**config)
    workflow.snakemake("--cores", "2")
    return workflow


@pytest.fixture(scope="module", params=TASKS)
def bake_off(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Workflow:
    return made(tmp_path_factory.mktemp("kinds") / request.param, request.param)


def kind_of(workflow: Workflow) -> str:
    return str(workflow.config["task"]["kind"])


def test_it_ends_with_all_of_its_results_and_nothing_is_to_be_done(bake_off: Workflow) -> None:
    kind, names = kind_of(bake_off), ("A/ä", "crack", "dirt")
    assert bake_off.would_run() == {}
    column = f"val_{SELECTED[kind]}"
    words = said(bake_off, "status")
    assert "small: 2 runs: 2 done" in words and len(re.findall(rf"{column} \d\.\d+", words)) == 2
    assert "Nothing" not in said(bake_off, "plan") and "again" not in said(bake_off, "plan")
    store = open_store(bake_off.environment["MLFLOW_TRACKING_URI"])
    for run in runs(store, "small", kind="run"):
        assert {f"test/auroc/{name.replace('/', '-')}" for name in names} <= run.metrics.keys()
        assert len(store.curve(run.id, f"epoch/{column}")) == 2
        assert run.params["task.kind"] == kind
    assert read_json(bake_off.results / "registered.json")["reason"] == "the first one"


@pytest.mark.parametrize(
    ("task", "told"),
    [
        (
            {
                "kind": "multilabel",
                "findings": ["crack", "dirt"],
                "none": ["intact"],
                "ignore": ["A/ä"],
            },
            "task.findings",
        ),
        (
            {"kind": "multiclass", "classes": ["intact", "crack", "A/ä", "dirt"]},
            "task.classes",
        ),
    ],
)
def test_a_change_of_what_is_told_apart_is_named(
    bake_off: Workflow, task: dict[str, Any], told: str
) -> None:
    changed = bake_off.with_config(task=task)
    if kind_of(changed) != kind_of(bake_off):
        training = {**bake_off.config["training"], "select_on": "accuracy"}
        changed = changed.with_config(training=training)
        told = f"task.kind {kind_of(bake_off)} -> {kind_of(changed)}"
        assert changed.snakemake("-n", check=False).returncode != 0
    else:
        assert changed.would_run()["train"] == 2
    assert f"conv, seeds 0, 1: {told}" in said(changed, "status")


def test_code_that_computes_the_same_keeps_the_runs(bake_off: Workflow, tmp_path: Path) -> None:
    changed = edited(copy(bake_off, tmp_path / "alike"), CONV, STEP, ALIKE)
    assert changed.would_run()["train"] == 2
    assert "the code of model conv changed" in said(changed, "plan")
    columns = len(pd.read_csv(changed.results / "runs/conv/seed-0/predictions/test.csv").columns)
    scores = {"multiclass": columns - 2, "multilabel": (columns - 1) // 2}[kind_of(changed)]
    told = said(changed, "accept")
    assert f"accepted conv, seed 1: {36 * scores} outputs, bit for bit." in told
    assert "train" not in changed.would_run()


def test_code_that_computes_something_else_does_not(bake_off: Workflow, tmp_path: Path) -> None:
    changed = edited(copy(bake_off, tmp_path / "other"), CONV, STEP, OTHER)
    told = said(changed, "accept", "conv/seed-0", status=1)
    assert re.search(
        r"refused conv, seed 0: it computes something else now: photo_\d+.jpg scores \S+ \(score_[^)]+\), in",
        told,
    )

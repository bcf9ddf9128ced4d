"""Bake-offs of classes and of findings, by Snakemake: what is done, what runs again, what can be kept."""

import re
from pathlib import Path
from typing import Any

import pytest

from bakeoff.files import read_json
from tests.drawn import ODD
from tests.tracking.stored import open_store, runs
from tests.workflow.conftest import Workflow, copy
from tests.workflow.kinds import SELECTED
from tests.workflow.test_accept import edited, said

# Fewer seconds than test_kinds.py has, whose process makes the bake-offs: these wait for none.
pytestmark = pytest.mark.slow(seconds=15)

CONV, STEP = "src/bakeoff/models/conv.py", "nn.ReLU()"
ALIKE, OTHER = "nn.ReLU(inplace=False)", "nn.GELU()"
SCORES = {"multiclass": 4, "multilabel": 3}  # of an image
CONVS = {"multiclass": 2, "multilabel": 1}  # of two variants
NAMED = {"multiclass": {"nan", "Bœuf- rôti", "10", "..--b-"}, "multilabel": {"Mass", "Fluid"}}


def kind_of(workflow: Workflow) -> str:
    return str(workflow.config["task"]["kind"])


def test_it_ends_with_all_of_its_results_and_nothing_is_to_be_done(of_a_kind: Workflow) -> None:
    kind = kind_of(of_a_kind)
    assert of_a_kind.would_run() == {}
    column = f"val_{SELECTED[kind]}"
    words = said(of_a_kind, "status")
    assert "small: 2 runs: 2 done" in words and len(re.findall(rf"{column} \d\.\d+", words)) == 2
    assert "Nothing" not in said(of_a_kind, "plan") and "again" not in said(of_a_kind, "plan")
    store = open_store(of_a_kind.environment["MLFLOW_TRACKING_URI"])
    for run in runs(store, "small", kind="run"):
        assert {f"test/auroc/{name}" for name in NAMED[kind]} <= run.metrics.keys()
        assert len(store.curve(run.id, f"epoch/{column}")) == 2
        assert run.params["task.kind"] == kind
    assert read_json(of_a_kind.results / "registered.json")["reason"] == "the first one"


@pytest.mark.parametrize(
    ("task", "told"),
    [
        (
            {"kind": "multilabel", "findings": ["Mass", "Fluid"], "ignore": ["Rare"]},
            "task.findings",
        ),
        ({"kind": "multiclass", "classes": list(ODD)}, "task.classes"),
    ],
)
def test_a_change_of_what_is_told_apart_is_named(
    of_a_kind: Workflow, task: dict[str, Any], told: str
) -> None:
    changed = of_a_kind.with_config(task=task)
    if kind_of(changed) != kind_of(of_a_kind):
        training = {**of_a_kind.config["training"], "select_on": "accuracy"}
        changed = changed.with_config(training=training)
        told = f"task.kind {kind_of(of_a_kind)} -> {kind_of(changed)}"
        assert changed.snakemake("-n", check=False).returncode != 0
    else:
        assert changed.would_run()["train"] == 2
    assert f"plain, seed 0: {told}" in said(changed, "status")


def test_code_that_computes_the_same_keeps_the_runs(of_a_kind: Workflow, tmp_path: Path) -> None:
    changed = edited(copy(of_a_kind, tmp_path / "alike"), CONV, STEP, ALIKE)
    kind = kind_of(changed)
    assert changed.would_run()["train"] == CONVS[kind]
    assert "the code of model conv changed" in said(changed, "plan")
    told = said(changed, "accept")
    assert f"accepted plain, seed 0: {24 * SCORES[kind]} outputs, bit for bit." in told
    assert "train" not in changed.would_run()


def test_code_that_computes_something_else_does_not(of_a_kind: Workflow, tmp_path: Path) -> None:
    changed = edited(copy(of_a_kind, tmp_path / "other"), CONV, STEP, OTHER)
    told = said(changed, "accept", "plain/seed-0", status=1)
    assert re.search(
        r"refused plain, seed 0: it computes something else now: \d+.png scores \S+ \(score_[^)]+\), in",
        told,
    )

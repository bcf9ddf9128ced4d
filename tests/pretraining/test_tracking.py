"""A pretraining in MLflow: a run beside the variants, with its curve and its weights."""

from pathlib import Path
from typing import Any

import pytest

from bakeoff.pretraining.pretrain import pretrain
from bakeoff.tracking.delivery.sync import sync
from bakeoff.training.train import train
from tests.pretraining.conftest import VIT
from tests.tracking.stored import assert_holds_exactly, open_store, runs
from tests.training.conftest import Prepare


@pytest.mark.slow
def test_a_pretraining_is_a_run_of_its_own_kind_with_no_variant_above_it(
    prepare: Prepare, settings: dict[str, Any], tmp_path: Path
) -> None:
    prepare.values["results"] = str(tmp_path / "results/here")
    prepare.values["pretraining"] = {"mpp": settings}
    start = {"model": "vit_b16", **VIT, "weights": "pretraining/mpp", "training": {"epochs": 1}}
    prepare.values["variants"] = {"vit": start}
    experiment, layout = prepare("here")
    pretrain(experiment, experiment.pretraining("mpp"), layout)
    train(experiment, experiment.run("vit", 0), layout)
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    assert sync(layout.root, uri, "small").journals == 2
    store = open_store(uri)
    (run,) = runs(store, "small", kind="pretraining")
    journal = layout.pretraining("mpp").path / "journal.jsonl"
    assert assert_holds_exactly(store, "small", journal).id == run.id
    assert run.name == "pretraining/mpp" and run.params["masking.masked"] == "0.15"
    assert run.metrics.keys() >= {"epoch/loss", "epoch/masked_error"}
    files = {path.name for path in (tmp_path / "mlartifacts").rglob(f"*{run.id}*/**/*")}
    assert "weights.safetensors" in files
    assert "mlflow.parentRunId" not in run.tags
    (parent,) = runs(store, "small", kind="variant")
    assert (parent.name, parent.params["options.weights"]) == ("vit", "pretraining/mpp")

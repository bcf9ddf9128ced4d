"""What an earlier commit left goes on counting: a bake-off that it finished is finished for the code of now.

The folder of results is that of commit 8c6db3b, with Snakemake's own notes of how it was made;
`tests/kept/pack.py` says what is in it.
"""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from bakeoff.config.experiment import Experiment, Run
from bakeoff.files import read_json
from bakeoff.inference.predict import SPLITS, predict
from bakeoff.layout import Layout
from bakeoff.models.weights_header import header
from bakeoff.tracking.journal.journal import NAME, read
from bakeoff.tracking.journal.run_state import RunState
from bakeoff.tracking.mlflow.variant_digest import whole_digest
from bakeoff.training.checkpoint import CheckpointFolder
from tests.tracking.stored import assert_holds_exactly, open_store, runs
from tests.workflow.conftest import Workflow, copy

pytestmark = pytest.mark.slow(seconds=40)

STACKED = "torch.stack(states, dim=1)"
CHANGE = ("src/bakeoff/models/recurrent.py", STACKED, f"{STACKED}.neg()")
"""A change that computes something else: of a file, what is there and what instead."""

SENT = ("conv", "rnn", "rnn_attention", "vit_masked")


@pytest.fixture(scope="module")
def opened(kept: Workflow) -> Iterator[tuple[Experiment, Layout]]:
    """It as the stages see it, in its working directory."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(kept.folder)
        yield Experiment.parse(kept.config), Layout(kept.folder / "results/kept")


def name(run: Run) -> str:
    return f"{run.variant.name}/seed-{run.seed}"


def test_nothing_of_it_is_trained_or_evaluated_again(kept: Workflow) -> None:
    """What that commit's `compare` did not write yet, and what is made of it, is all there is to do."""
    concludes = {"compare", "report", "track", "register"}
    assert kept.would_run() == dict.fromkeys(concludes, 1)


def test_a_model_that_computes_something_else_trains_its_runs_again(
    kept: Workflow, tmp_path: Path
) -> None:
    """What the test above would say if the code of a model had changed."""
    changed = copy(kept, tmp_path / "changed")
    file, before, after = CHANGE
    code = (changed.folder / file).read_text()
    assert before in code
    (changed.folder / file).write_text(code.replace(before, after))
    assert changed.would_run()["train"] >= 4


def test_its_weights_give_the_predictions_that_it_wrote(
    opened: tuple[Experiment, Layout],
) -> None:
    experiment, layout = opened
    furthest = {}
    for run in experiment.runs():
        folder = layout.run(run.variant.name, run.seed)
        stored = {split: pd.read_csv(folder.predictions(split)) for split in SPLITS}
        predict(experiment, run, layout)  # refuses weights of another digest
        for split, before in stored.items():
            now = pd.read_csv(folder.predictions(split))
            assert now.drop(columns="score").equals(before.drop(columns="score"))
            apart = (now["score"] - before["score"]).abs().max()
            furthest[f"{name(run)} {split}"] = apart
    assert len(furthest) == 28
    # On the machine that made it, bit for bit; another processor may add in another order.
    assert {what: apart for what, apart in furthest.items() if apart > 1e-6} == {}


def test_its_checkpoints_are_gone_on_from(opened: tuple[Experiment, Layout]) -> None:
    _, layout = opened
    for folder in (layout.run("rnn", 0), layout.pretraining("masked")):
        digest = read_json(folder.run_json)["digest"]
        assert header(folder.best)["digest"] == digest
        checkpoint = CheckpointFolder(folder.checkpoints).load(digest)
        assert checkpoint is not None and checkpoint.progress.finished


def test_status_says_that_it_is_done(kept: Workflow) -> None:
    said = kept.bakeoff("status", "--config", "config.yaml").stdout
    assert said.startswith("kept: 1 pretraining: 1 done; 14 runs: 14 done")
    assert re.search(r"^rnn +1 +done +2/2", said, flags=re.MULTILINE)


def test_its_journals_fill_a_new_store(kept: Workflow, tmp_path: Path) -> None:
    synced = copy(kept, tmp_path / "synced")
    made = synced.folder / "results/kept/runs"
    for folder in made.iterdir():
        if folder.name not in SENT:  # MLflow needs a second for each
            shutil.rmtree(folder)
    synced.bakeoff("sync", "--config", "config.yaml")
    store = open_store(synced.environment["MLFLOW_TRACKING_URI"])
    journals = sorted(made.glob(f"*/*/{NAME}"))
    assert len(journals) == 5
    for journal in journals:
        run = assert_holds_exactly(store, "kept", journal)
        figures = read_json(journal.parent / "metrics.json")
        assert figures and run.status == "FINISHED"


def test_a_seed_that_is_trained_now_joins_those_of_its_variant_in_mlflow(
    kept: Workflow, tmp_path: Path
) -> None:
    variant = kept.config["variants"]["conv"]
    two = {**variant, "training": {**variant.get("training", {}), "seeds": [0, 1]}}
    joined = copy(kept, tmp_path / "joined").with_config(
        variants={"conv": two}, pretraining={}, tracking={"live": False}
    )
    for folder in (joined.folder / "results/kept/runs").iterdir():
        if folder.name != "conv":
            shutil.rmtree(folder)
    config = ("--config", "config.yaml")
    joined.bakeoff("sync", *config)
    store = open_store(joined.environment["MLFLOW_TRACKING_URI"])
    (before,) = runs(store, "kept", kind="variant")
    journal = joined.folder / f"results/kept/runs/conv/seed-0/{NAME}"
    state = RunState()
    state.add(read(journal))
    store.client.set_tag(before.id, "params_digest", whole_digest(state.variant_params))
    joined.bakeoff("sync", *config)
    (same,) = runs(store, "kept", kind="variant")
    assert same.id == before.id and same.tags["superseded"] == "no"
    for stage in ("train", "evaluate"):
        joined.bakeoff(stage, *config, "--variant", "conv", "--seed", "1")
    joined.bakeoff("sync", *config)
    (parent,) = runs(store, "kept", kind="variant")
    assert parent.metrics["seeds"] == 2 and parent.tags["superseded"] == "no"
    seeds = runs(store, "kept", kind="run")
    assert {run.tags["mlflow.parentRunId"] for run in seeds} == {parent.id} and len(seeds) == 2

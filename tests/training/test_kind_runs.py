"""Runs on classes and on findings end the same however they got there: stopped, killed, in two processes."""

import random
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bakeoff.config.experiment import Experiment
from bakeoff.inference.predict import predict
from bakeoff.layout import Layout
from bakeoff.task.classification import ClassificationTask
from bakeoff.training.train import train
from tests.drawn import config, draw_kind
from tests.training.conftest import EACH_EPOCH, Prepare
from tests.training.test_distributed import Processes, history
from tests.training.test_train import finish, results, train_command, wait_for_training

KINDS = ("multiclass", "multilabel")


@pytest.fixture(params=KINDS)
def prepare_kind(request: pytest.FixtureRequest, values: dict[str, Any], tmp_path: Path) -> Prepare:
    """Split and pack drawn images of classes with odd names, or of findings of which one is rare."""
    table = draw_kind(request.param, tmp_path / "data", 60)
    drawn: dict[str, Any] = config(request.param, 60)
    paths = {"labels": str(table), "images": str(table.parent / "images")}
    drawn["data"] |= paths
    return Prepare({**values, **drawn}, tmp_path)


def prepared(prepare: Prepare, name: str) -> tuple[Experiment, Layout]:
    """As a stage after the split has them: the classes are those that it recorded."""
    prepare.values["results"] = str(prepare.folder / "results" / name)
    _, layout = prepare(name)
    return Experiment.parse(prepare.values, "test"), layout


def scored(task: ClassificationTask, file: Path) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The scores of predictions, (n, K)."""
    return pd.read_csv(file)[list(task.score_columns)].to_numpy(dtype=np.float64)


@pytest.mark.slow(seconds=12)
def test_a_run_stopped_after_every_step_ends_like_one_that_was_not(prepare_kind: Prepare) -> None:
    experiment, whole = prepared(prepare_kind, "whole")
    _, stopped = prepared(prepare_kind, "stopped")
    folder = finish(experiment, whole, "augmented")
    expected = results(folder)
    found = results(finish(experiment, stopped, "augmented", stop_after_each_step=True))
    assert found == expected
    task = experiment.data.classification
    scores = scored(task, folder.predictions("test"))
    assert scores.shape == (12, len(task.scored)) and len(task.scored) > 2 and np.ptp(scores) > 0


@pytest.mark.slow(seconds=25)
@pytest.mark.parametrize("prepare_kind", ["multilabel"], indirect=True)
def test_a_killed_run_ends_like_an_unkilled_one(prepare_kind: Prepare) -> None:
    """SIGKILL at random moments."""
    prepare_kind.values["training"] |= {"epochs": 12, **EACH_EPOCH}
    experiment, whole = prepared(prepare_kind, "whole")
    expected = results(finish(experiment, whole, "augmented"))
    _, killed = prepared(prepare_kind, "killed")
    moments, kills, folder = random.Random(0), 0, killed.run("augmented", 0)
    while True:
        process = subprocess.Popen(
            train_command(prepare_kind, "augmented"), stdout=subprocess.DEVNULL
        )
        if not kills:
            wait_for_training(process, folder)
            time.sleep(moments.uniform(0.2, 1.0))
            process.kill()
            kills += process.wait() == -signal.SIGKILL
        if process.wait() == 0:
            break
        assert process.returncode == -signal.SIGKILL
    predict(experiment, experiment.run("augmented", 0), killed)
    assert kills == 1 and results(folder) == expected


@pytest.mark.slow(seconds=20)
def test_two_processes_learn_the_batches_of_one(prepare_kind: Prepare) -> None:
    """The last two batches are 6 and 5: the processes have unequal shares."""
    sgd = {"batch_size": 6, "optimizer": "sgd", "lr": 0.05, "epochs": 2}
    prepare_kind.values["training"] |= sgd
    prepare_kind.values["split"] |= {"train": 35, "val": 13}
    prepare_kind.values["split"]["group_by"] = None
    augmented = prepare_kind.values["variants"]["augmented"]
    # A model without batch normalisation, which processors cannot share.
    small = {"model": "vit_b16", "depth": 2, "width": 32, "heads": 2, "image": augmented["image"]}
    prepare_kind.values["variants"] = {"small": small}
    experiment, one = prepared(prepare_kind, "one")
    train(experiment, experiment.run("small", 0), one)
    _, two = prepared(prepare_kind, "two")
    assert Processes(prepare_kind, "small").wait() == [0, 0]
    expected, found = history(one.run("small", 0)), history(two.run("small", 0))
    numbers = ["train_loss", "val_loss", "val_acc", "val_auc"]
    np.testing.assert_allclose(found[numbers[:2]], expected[numbers[:2]], atol=1e-5, rtol=0)
    assert np.ptp(expected.train_loss) > 1e-4 and expected[numbers].notna().all(axis=None)

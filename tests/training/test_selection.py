"""Runs that choose their best epoch by a metric which history.csv has a column of its own for."""

import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bakeoff.config.accepted import planned_digest
from bakeoff.evaluation.metrics import evaluate_predictions
from bakeoff.files import read_json
from bakeoff.inference.predict import predict
from bakeoff.planning.outputs import compare
from bakeoff.status.run import run_status
from bakeoff.tracking.delivery.sync import sync
from tests.tracking.conftest import empty
from tests.tracking.stored import assert_holds_exactly, open_store
from tests.training.conftest import EACH_EPOCH, Prepare
from tests.training.test_train import (
    assert_every_epoch_journalled_once,
    finish,
    results,
    train_command,
    wait_for_training,
)

__all__ = ["empty"]

EPOCHS = 6


@pytest.mark.slow(seconds=40)
@pytest.mark.parametrize(("select_on", "sign"), [("balanced_accuracy", 1), ("log_loss", -1)])
def test_a_killed_run_that_selects_on_another_metric_ends_like_an_unkilled_one(
    prepare: Prepare, tmp_path: Path, empty: Path, select_on: str, sign: int
) -> None:
    prepare.values["training"] |= {"epochs": EPOCHS, "select_on": select_on, **EACH_EPOCH}
    experiment, whole = prepare("whole")
    run, column = experiment.run("conv_bn", 0), f"val_{select_on}"
    expected = results(finish(experiment, whole, "conv_bn"))
    prepare.values["results"] = str(prepare.folder / "results/killed")
    _, killed = prepare("killed")
    folder, moments, kills = killed.run("conv_bn", 0), random.Random(1), 0
    while True:
        process = subprocess.Popen(train_command(prepare, "conv_bn"), stdout=subprocess.DEVNULL)
        if kills < 2:
            wait_for_training(process, folder)
            time.sleep(moments.uniform(0, 0.4))
            process.kill()
            kills += process.wait() == -signal.SIGKILL
        if process.wait() == 0:
            break
        assert process.returncode == -signal.SIGKILL
    predict(experiment, run, killed)
    assert results(folder) == expected
    assert_every_epoch_journalled_once(folder, EPOCHS)

    history = pd.read_csv(folder.history)
    assert list(history).index(column) == list(history).index("lr") - 1
    values = history[column].to_numpy()
    best = int(np.argmax(sign * values))
    stated = read_json(folder.run_json)["best"]
    assert stated == {"epoch": best + 1, "criterion": select_on, "value": values[best]}
    said = run_status(run, folder, task=experiment.task).note
    assert said == f"{column} {values[best]:.3f} in epoch {best + 1}"

    evaluate_predictions(folder.path, experiment.task)
    database = tmp_path / "mlflow.db"
    shutil.copy(empty, database)
    sync(killed.root, f"sqlite:///{database}", "small")
    store = open_store(f"sqlite:///{database}")
    sent = assert_holds_exactly(store, "small", folder.path / "journal.jsonl")
    curve = store.curve(sent.id, f"epoch/{column}")
    assert [point.value for point in curve] == values.tolist()

    planned = planned_digest(run, experiment.data, folder)
    assert str(compare(run, experiment, killed, planned)) == "40 outputs, bit for bit"

"""What the log of a job says while it works, and that saying it changes nothing."""

import logging
import re

import pandas as pd
import pytest

from bakeoff import pace
from bakeoff.data.pack import pack
from bakeoff.inference.predict import predict
from bakeoff.training.train import train
from tests.training.conftest import Prepare


@pytest.mark.slow(seconds=8)
def test_an_epoch_says_how_far_it_is_and_its_weights_are_the_same_bits(
    prepare: Prepare, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    experiment, silent = prepare("silent")
    run = experiment.run("conv_bn", 0)
    train(experiment, run, silent)
    assert not [line for line in caplog.messages if "images a second" in line]
    monkeypatch.setattr(pace, "FIRST", 0.0)
    monkeypatch.setattr(pace, "EVERY", 0.0)
    experiment, told = prepare("told")
    caplog.clear()
    train(experiment, run, told)
    lines = [line for line in caplog.messages if line.startswith("epoch ")]
    assert len(lines) == 3 * (
        40 // 8 - 1
    )  # a line of each step but the last, which the epoch's own follows
    assert re.fullmatch(
        r"epoch 1/3, step 2/5: loss \d\.\d{4}, [\d.e+]+ images a second, "
        r"\d+ s left of the epoch, \d+ s of the training",
        lines[1],
    )
    one, other = (at.run("conv_bn", 0) for at in (silent, told))
    assert one.best.read_bytes() == other.best.read_bytes()
    histories = [pd.read_csv(at.history).drop(columns="seconds") for at in (one, other)]
    assert histories[0].equals(histories[1])


@pytest.mark.slow(seconds=2)
def test_other_long_work_says_how_far_it_is_too(
    prepare: Prepare, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    experiment, layout = prepare()
    run = experiment.run("conv", 0)
    train(experiment, run, layout)
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(pace, "FIRST", 0.0)
    monkeypatch.setattr(pace, "EVERY", 0.0)
    monkeypatch.setattr("bakeoff.training.evaluate.EVALUATION_BATCH", 8)
    predict(experiment, run, layout)
    pack(layout.splits, experiment.data, 80, layout.packed(80), 1)
    said = [line.split(",")[0] for line in caplog.messages]
    assert "val: 8 of 20 images" in said and "test: 16 of 20 images" in said
    assert "packing: 79 of 80 images" in said

"""Runs on colour images with every augmentation see the colours, and end the same however they got there."""

import random
import signal
import subprocess
import time
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from bakeoff.data.pack import open_packed
from bakeoff.files import read_json, write_json
from bakeoff.inference.predict import predict
from bakeoff.layout import Layout
from bakeoff.serving.model import ServedModel, package
from bakeoff.training.train import train
from tests.training.conftest import EACH_EPOCH, Prepare
from tests.training.test_distributed import Processes, history
from tests.training.test_train import finish, results, train_command, wait_for_training


@pytest.mark.slow(seconds=8)
def test_a_run_stopped_after_every_step_ends_like_one_that_was_not(
    prepare_colours: Prepare,
) -> None:
    experiment, whole = prepare_colours("whole")
    _, stopped = prepare_colours("stopped")
    assert open_packed(whole, experiment.variants[0].image).images.shape == (80, 80, 80, 3)
    expected = results(finish(experiment, whole, "conv_bn"))
    found = results(finish(experiment, stopped, "conv_bn", stop_after_each_step=True))
    assert found == expected


@pytest.mark.slow(seconds=40)
def test_a_killed_run_ends_like_an_unkilled_one(prepare_colours: Prepare) -> None:
    """SIGKILL at random moments."""
    prepare_colours.values["training"] |= {"epochs": 10, **EACH_EPOCH}
    experiment, whole = prepare_colours("whole")
    expected = results(finish(experiment, whole, "conv"))
    prepare_colours.values["results"] = str(prepare_colours.folder / "results/killed")
    _, killed = prepare_colours("killed")
    moments, kills, folder = random.Random(0), 0, killed.run("conv", 0)
    while True:
        process = subprocess.Popen(
            train_command(prepare_colours, "conv"), stdout=subprocess.DEVNULL
        )
        if kills < 3:
            wait_for_training(process, folder)
            time.sleep(moments.uniform(0.2, 2.0))
            process.kill()
            kills += process.wait() == -signal.SIGKILL
        if process.wait() == 0:
            break
        assert process.returncode == -signal.SIGKILL
    predict(experiment, experiment.run("conv", 0), killed)
    assert kills == 3 and results(folder) == expected


@pytest.mark.slow(seconds=25)
def test_two_processes_augment_the_batches_of_one(prepare_colours: Prepare) -> None:
    """The last two batches of 41 images are 7 and 6: the processes have unequal shares."""
    prepare_colours.values["split"] = {"train": 41, "val": 19, "test": 20}
    prepare_colours.values["training"] |= {"batch_size": 7, "optimizer": "sgd", "lr": 0.05}
    experiment, one = prepare_colours("one")
    train(experiment, experiment.run("conv", 0), one)
    prepare_colours.values["results"] = str(prepare_colours.folder / "results/two")
    _, two = prepare_colours("two")
    assert Processes(prepare_colours, "conv").wait() == [0, 0]
    expected, found = history(one.run("conv", 0)), history(two.run("conv", 0))
    losses = ["train_loss", "val_loss"]
    np.testing.assert_allclose(found[losses], expected[losses], atol=1e-5, rtol=0)


@pytest.mark.slow(seconds=12)
def test_colours_are_learned_where_they_are_kept_and_not_where_they_are_made_grey(
    prepare_colours: Prepare,
) -> None:
    prepare_colours.values["training"] |= {"epochs": 12, "lr": 3e-3}
    found = {}
    for channels in (3, 1):
        prepare_colours.values["image"]["channels"] = channels
        experiment, layout = prepare_colours(f"channels-{channels}")
        finish(experiment, layout, "conv_bn")
        table = pd.read_csv(layout.run("conv_bn", 0).predictions("test"))
        ranks = table.score.rank()
        of_class_1 = ranks[table.Disease == 1]
        pairs = len(of_class_1) * (len(table) - len(of_class_1))
        found[channels] = (of_class_1.sum() - len(of_class_1) * (len(of_class_1) + 1) / 2) / pairs
    assert found[3] > 0.95 and found[1] < 0.8, found


@pytest.mark.slow(seconds=5)
def test_the_served_model_sees_the_colours_that_the_run_saw(
    prepare_colours: Prepare, tinted: Path, tmp_path: Path
) -> None:
    image = prepare_colours.values["image"]
    image |= {"fit": "crop", "crop_pct": 0.9, "normalise": {"mean": [0.4] * 3, "std": [0.2] * 3}}
    experiment, layout = prepare_colours()
    folder = finish(experiment, layout, "conv_bn")
    assert layout.packed(80, "-colour-crop-0.9").exists() and not layout.packed(80).exists()
    predictions = pd.read_csv(folder.predictions("test"))
    files = [(tinted / "images" / name).read_bytes() for name in predictions["Image Index"]]
    package(folder.path, tmp_path / "model")
    answer = ServedModel(tmp_path / "model").predict(pd.DataFrame({"image": files}))
    scores = predictions.score.to_numpy(dtype=np.float32)
    assert answer.score.to_numpy(dtype=np.float32).tolist() == scores.tolist()


@pytest.mark.slow(seconds=5)
def test_a_model_of_an_earlier_version_with_three_channels_is_served_grey(
    prepare_colours: Prepare, tinted: Path, tmp_path: Path
) -> None:
    """It was trained on grey, repeated, whatever the files were; its record knows no `normalise`."""
    del prepare_colours.values["image"]["normalise"]
    experiment, layout = prepare_colours()
    folder = finish(experiment, layout, "conv_bn")
    package(folder.path, tmp_path / "model")
    names = ["000.png", "001.png"]
    files = pd.DataFrame({"image": [(tinted / "images" / one).read_bytes() for one in names]})
    grey = pd.DataFrame({"image": [as_grey_png(tinted / "images" / one) for one in names]})
    model = ServedModel(tmp_path / "model")
    assert model.predict(files).score.tolist() != model.predict(grey).score.tolist()
    record = read_json(tmp_path / "model/run.json")
    for key in ("normalise", "fit", "crop_pct", "crop", "flip", "jitter"):
        del record["config"]["image"][key]
    write_json(tmp_path / "model/run.json", record)
    earlier = ServedModel(tmp_path / "model")
    assert earlier.predict(files).score.tolist() == model.predict(grey).score.tolist()


def as_grey_png(file: Path) -> bytes:
    stream = BytesIO()
    Image.open(file).convert("L").save(stream, "PNG")
    return stream.getvalue()


@pytest.mark.slow(seconds=5)
def test_a_grey_run_with_three_channels_of_an_earlier_version_is_not_trained_again(
    prepare: Prepare,
) -> None:
    """Its pack is where one channel has it now, and its digest is that of the pixels."""
    prepare.values["image"]["channels"] = 3
    experiment, layout = prepare()
    folder = finish(experiment, layout, "conv")
    before = results(folder), read_json(folder.run_json)["digest"]
    now = layout.packed(80, "-colour")
    index = pd.read_csv(now / "index.csv", dtype=str).drop(columns="colours")
    index.to_csv(now / "index.csv", index=False)
    now.rename(layout.packed(80))
    trained = (folder.checkpoints / "last.ckpt").stat().st_mtime_ns
    finish(experiment, Layout(layout.root), "conv")
    assert (results(folder), read_json(folder.run_json)["digest"]) == before
    assert (folder.checkpoints / "last.ckpt").stat().st_mtime_ns == trained

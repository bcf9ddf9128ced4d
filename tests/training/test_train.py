"""Training, through real runs: it learns, it can be stopped anywhere, it ends the same."""

import logging
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from bakeoff.config.experiment import Experiment
from bakeoff.errors import CheckpointError, TrainingError
from bakeoff.files import sha256
from bakeoff.inference.predict import predict
from bakeoff.layout import Layout, RunFolder
from bakeoff.status.run import run_status
from bakeoff.tracking.delivery.system_metrics import Monitor
from bakeoff.tracking.journal import journal
from bakeoff.tracking.journal.events import Artifact, Metrics, Status
from bakeoff.training.checkpoint import CheckpointFolder
from bakeoff.training.history import COLUMNS
from bakeoff.training.stop import EXIT_CODE, NOTICE_VARIABLE, Stopped
from bakeoff.training.train import train
from tests.training.conftest import EACH_EPOCH, Prepare


def results(folder: RunFolder) -> dict[str, Any]:
    """What has to be the same, bit for bit, of two runs that are one function of their config."""
    history = pd.read_csv(folder.history, dtype=str).drop(columns="seconds")  # a clock's reading
    return {
        "weights": folder.best.read_bytes(),
        "history": history.to_csv(),
        "val": folder.predictions("val").read_bytes(),
        "test": folder.predictions("test").read_bytes(),
    }


def finish(
    experiment: Experiment, layout: Layout, variant: str, stop_after_each_step: bool = False
) -> RunFolder:
    """Train to the end, stopped by SIGTERM after every single step if asked, and predict."""
    run = experiment.run(variant, 0)
    attempts = 0
    while True:
        attempts += 1
        assert attempts < 100
        try:
            if stop_after_each_step:
                train_until_signalled(experiment, layout, variant)
            else:
                train(experiment, run, layout)
            break
        except Stopped:
            continue
    predict(experiment, run, layout)
    return layout.run(variant, 0)


def train_until_signalled(experiment: Experiment, layout: Layout, variant: str) -> None:
    """Train with a SIGTERM that arrives during the first step."""
    previous = signal.getsignal(signal.SIGTERM)

    def on_first_batch(*_: object) -> None:
        if signal.getsignal(signal.SIGTERM) is not previous:
            os.kill(os.getpid(), signal.SIGTERM)

    handle = torch.nn.modules.module.register_module_forward_pre_hook(on_first_batch)
    try:
        train(experiment, experiment.run(variant, 0), layout)
    finally:
        handle.remove()


@pytest.mark.slow(seconds=8)
@pytest.mark.parametrize("variant", ["conv_bn", "dropout"])
def test_a_run_stopped_after_every_step_ends_like_one_that_was_not(
    prepare: Prepare, variant: str
) -> None:
    experiment, whole = prepare("whole")
    _, stopped = prepare("stopped")
    expected = results(finish(experiment, whole, variant))
    found = results(finish(experiment, stopped, variant, stop_after_each_step=True))
    assert found == expected


@pytest.mark.slow(seconds=5)
def test_the_run_is_a_function_of_its_seed_and_config(prepare: Prepare) -> None:
    experiment, first = prepare("first")
    _, second = prepare("second")
    assert results(finish(experiment, first, "conv")) == results(finish(experiment, second, "conv"))
    prepare.values["training"]["seeds"] = [0, 1]
    experiment, other = prepare("other")
    train(experiment, experiment.run("conv", 1), other)
    assert other.run("conv", 1).best.read_bytes() != first.run("conv", 0).best.read_bytes()


@pytest.mark.slow(seconds=50)
def test_a_killed_run_ends_like_an_unkilled_one(prepare: Prepare) -> None:
    """SIGKILL at random moments, the start of the process included."""
    prepare.values["training"] |= {"epochs": 12, **EACH_EPOCH}
    experiment, whole = prepare("whole")
    expected = results(finish(experiment, whole, "conv_bn"))
    prepare.values["results"] = str(prepare.folder / "results/killed")
    _, killed = prepare("killed")
    command = train_command(prepare, "conv_bn")
    moments, kills = random.Random(0), 0
    folder = killed.run("conv_bn", 0)
    while True:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        if kills < 3:
            wait_for_training(process, folder)
            time.sleep(moments.uniform(0, 0.4))
            process.kill()
            kills += process.wait() == -signal.SIGKILL
        if process.wait() == 0:
            break
        assert process.returncode == -signal.SIGKILL
    assert kills == 3
    predict(experiment, experiment.run("conv_bn", 0), killed)
    assert results(folder) == expected
    assert_every_epoch_journalled_once(folder, epochs=12)


def train_command(prepare: Prepare, variant: str) -> list[str]:
    config = ["--config", str(prepare.config_file())]
    return [sys.executable, "-m", "bakeoff", "train", *config, "--variant", variant, "--seed", "0"]


def wait_for_training(process: subprocess.Popen[bytes], folder: RunFolder) -> None:
    """Wait until the process holds the run's lock, or has ended."""
    lock = folder.checkpoints / "lock"
    while process.poll() is None:
        if lock.exists() and f"process {process.pid} " in lock.read_text():
            return
        time.sleep(0.02)


def assert_every_epoch_journalled_once(folder: RunFolder, epochs: int) -> None:
    events = journal.read(folder.path / journal.NAME)
    steps = [event.step for event in events if isinstance(event, Metrics)]
    assert steps == list(range(1, epochs + 1))
    assert [event.status for event in events if isinstance(event, Status)][-1] == "FINISHED"


@pytest.mark.slow
@pytest.mark.parametrize("how", ["SIGTERM", "SIGUSR2", "file"])
def test_a_notice_saves_the_step_and_leaves_with_the_code_for_try_again(
    prepare: Prepare, how: str, tmp_path: Path
) -> None:
    prepare.values["training"] |= {"epochs": 500, **EACH_EPOCH}
    prepare.values["results"] = str(prepare.folder / "results/noticed")
    _, layout = prepare("noticed")
    folder = layout.run("conv", 0)
    notice = tmp_path / "notice"
    process = subprocess.Popen(
        train_command(prepare, "conv"),
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        env={**os.environ, NOTICE_VARIABLE: str(notice)},
    )
    while not folder.history.exists():
        assert process.poll() is None, process.stderr and process.stderr.read()
        time.sleep(0.02)
    if how == "file":
        notice.write_text("time limit\n")
    else:
        process.send_signal(signal.Signals[how])
    _, errors = process.communicate(timeout=120)
    assert process.returncode == EXIT_CODE
    # SLURM may kill what still ends after it saved, and the exit code would be lost.
    assert notice.with_name("notice.saved").exists()
    reason = "time limit" if how == "file" else how
    assert f"bakeoff: stopped: {reason}: saved at epoch" in errors
    *_, saved, ended = journal.read(folder.path / journal.NAME)
    assert isinstance(ended, Status) and ended.status == "SCHEDULED"
    last = folder.checkpoints / "last.ckpt"
    assert isinstance(saved, Artifact) and saved.path == "checkpoints/last.ckpt"
    assert saved.sha256 == sha256(last)


@pytest.mark.slow(seconds=2)
@pytest.mark.parametrize("damaged", [False, True])
def test_a_run_stopped_within_its_first_epoch_goes_on_in_its_journal(
    prepare: Prepare, damaged: bool
) -> None:
    """The sender journals what the job uses of its machine: a sample is not an epoch."""
    experiment, layout = prepare()
    folder = layout.run("conv", 0)
    with pytest.raises(Stopped, match="saved at epoch 1, step 1"):
        train_until_signalled(experiment, layout, "conv")
    file = folder.path / journal.NAME
    journal.Journal(file).metrics(1, Monitor(os.getpid()).sample())
    if damaged:  # after another epoch, when the checkpoint before it is still one of epoch 1
        checkpoints = CheckpointFolder(folder.checkpoints)
        shutil.copy(checkpoints.last, checkpoints.previous)
        checkpoints.last.write_bytes(b"not a checkpoint")
        row = {"train_loss": 0.5, "val_auc": 0.5}
        journal.Journal(file).metrics(1, row)
    finish(experiment, layout, "conv")
    assert list(folder.path.glob("journal*.jsonl")) == [file]
    events = journal.read(file)
    epochs = [event.step for event in events if isinstance(event, Metrics) and not event.is_sample]
    assert sorted(set(epochs)) == [1, 2, 3]
    statuses = [event.status for event in events if isinstance(event, Status)]
    assert statuses == ["RUNNING", "SCHEDULED", "RUNNING", "FINISHED"]
    train(experiment, experiment.run("conv", 0), layout, fresh=True)
    assert len(list(folder.path.glob("journal*.jsonl"))) == 2


@pytest.mark.slow(seconds=4)
def test_a_damaged_last_checkpoint_costs_an_epoch_and_changes_nothing(
    prepare: Prepare, caplog: pytest.LogCaptureFixture
) -> None:
    prepare.values["training"] |= EACH_EPOCH
    experiment, whole = prepare("whole")
    expected = results(finish(experiment, whole, "conv_bn"))
    _, damaged = prepare("damaged")
    finish(experiment, damaged, "conv_bn")
    folder = damaged.run("conv_bn", 0)
    CheckpointFolder(folder.checkpoints).last.write_bytes(b"not a checkpoint")
    with caplog.at_level(logging.INFO):
        finish(experiment, damaged, "conv_bn")
    assert "last.ckpt is damaged" in caplog.text
    assert "Going on from the checkpoint at epoch 3, step 0" in caplog.text
    assert results(folder) == expected


@pytest.mark.slow(seconds=3)
def test_a_changed_config_starts_from_scratch_in_the_same_folder(prepare: Prepare) -> None:
    experiment, layout = prepare()
    finish(experiment, layout, "conv")
    prepare.values["training"]["lr"] = 0.01
    changed, fresh = prepare("fresh")
    expected = results(finish(changed, fresh, "conv"))
    assert results(finish(changed, layout, "conv")) == expected


@pytest.mark.slow(seconds=2)
def test_epochs_of_another_config_are_not_taken_for_those_of_a_run_that_failed_in_its_first(
    prepare: Prepare,
) -> None:
    experiment, layout = prepare()
    assert finish(experiment, layout, "conv").history.exists()
    prepare.values["training"] |= {"lr": 1e12, "optimizer": "sgd", "epochs": 2}
    experiment, _ = prepare()
    with pytest.raises(TrainingError, match="the loss is"):
        train(experiment, experiment.run("conv", 0), layout)
    assert not layout.run("conv", 0).history.exists()


@pytest.mark.slow(seconds=3)
@pytest.mark.parametrize("changed", ["split", "label", "image"])
def test_other_data_in_the_same_folder_trains_from_scratch(
    prepare: Prepare, phantoms: Path, tmp_path: Path, changed: str
) -> None:
    """Old weights beside a new split would have seen its test images."""
    copy = tmp_path / "phantoms"
    shutil.copytree(phantoms, copy)
    prepare.values["data"] = {
        "labels": str(copy / "sample_labels.csv"),
        "images": str(copy / "images"),
    }
    experiment, layout = prepare()
    before = finish(experiment, layout, "conv").best.read_bytes()
    table = pd.read_csv(layout.split("train"), dtype=str)
    if changed == "split":
        prepare.values["split"]["seed"] = 5
    elif changed == "label":
        labels = (copy / "sample_labels.csv").read_text().splitlines()
        healthy = table[table["Finding Labels"] == "No Finding"]["Image Index"].iloc[0]
        edited = [x.replace("No Finding", "Mass") if x.startswith(healthy) else x for x in labels]
        (copy / "sample_labels.csv").write_text("\n".join(edited) + "\n")
    else:
        first, second = table["Image Index"].iloc[:2]
        shutil.copy(copy / "images" / first, copy / "images" / second)
    experiment, _ = prepare()
    if changed != "label":  # whose split may be another one too
        with pytest.raises(CheckpointError, match="was trained with another configuration, other"):
            predict(experiment, experiment.run("conv", 0), layout)
    assert finish(experiment, layout, "conv").best.read_bytes() != before
    attempts = list(layout.run("conv", 0).path.glob("journal*.jsonl"))
    assert len(attempts) == 2  # another run in MLflow, not more epochs of the first


@pytest.mark.slow(seconds=4)
def test_what_a_finished_run_publishes_is_made_again_from_its_checkpoint(
    prepare: Prepare,
) -> None:
    """Snakemake deletes declared outputs before a job starts again."""
    experiment, layout = prepare()
    folder = finish(experiment, layout, "conv")
    expected = results(folder)
    for file in (folder.best, folder.history, folder.run_json):
        file.unlink()
    trained = (folder.checkpoints / "last.ckpt").stat().st_mtime_ns
    finish(experiment, layout, "conv")
    assert results(folder) == expected and folder.run_json.exists()
    assert (folder.checkpoints / "last.ckpt").stat().st_mtime_ns == trained


@pytest.mark.slow(seconds=4)
def test_a_run_killed_before_its_last_epoch_was_journalled_is_journalled_whole(
    prepare: Prepare,
) -> None:
    experiment, layout = prepare()
    folder = finish(experiment, layout, "conv")
    file = folder.path / journal.NAME
    lines = file.read_text().splitlines(keepends=True)
    last = next(n for n, line in enumerate(lines) if '"step":3' in line)
    file.write_text("".join(lines[:last]))
    finish(experiment, layout, "conv")
    assert_every_epoch_journalled_once(folder, epochs=3)


@pytest.mark.slow(seconds=3)
def test_the_journal_names_the_best_weights_as_soon_as_there_are_new_ones(
    prepare: Prepare,
) -> None:
    prepare.values["training"] |= {"epochs": 6, **EACH_EPOCH}
    experiment, layout = prepare()
    folder = finish(experiment, layout, "conv_bn")
    best = pd.read_csv(folder.history).val_auc.cummax()
    improved = [int(epoch) + 1 for epoch in best[best.diff() != 0].index]
    named, epoch = {}, 0
    for event in journal.read(folder.path / journal.NAME):
        if isinstance(event, Metrics):
            epoch = event.step
        elif isinstance(event, Artifact) and event.path == "checkpoints/best.safetensors":
            named[epoch] = event.sha256
    assert list(named) == improved
    assert named[improved[-1]] == sha256(folder.best)


@pytest.mark.slow(seconds=3)
def test_fresh_forgets_the_checkpoints(
    prepare: Prepare, capsys: pytest.CaptureFixture[str]
) -> None:
    experiment, layout = prepare()
    finish(experiment, layout, "conv")
    capsys.readouterr()
    train(experiment, experiment.run("conv", 0), layout, fresh=True)
    assert "Epoch 1/3" in capsys.readouterr().out


@pytest.mark.slow(seconds=2)
def test_each_epoch_is_printed_as_in_the_seed(
    prepare: Prepare, capsys: pytest.CaptureFixture[str]
) -> None:
    experiment, layout = prepare()
    folder = finish(experiment, layout, "conv")
    history = pd.read_csv(folder.history)
    assert list(history.columns) == list(COLUMNS)
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith("---")] == [
        f"-----Epoch {epoch}/3-----" for epoch in (1, 2, 3)
    ]
    last = history.iloc[-1]
    assert lines[-2] == (
        f"Train set | Loss: {last.train_loss:.4f} | Accuracy: {last.train_acc:.2%} "
        f"| AUC: {last.train_auc:.4f}"
    )
    assert f"Best AUC: {history.val_auc.max():.4f} | time elapsed: 00:00:" in lines[-1]


@pytest.mark.slow(seconds=4)
@pytest.mark.parametrize(
    ("select_on", "column", "best"),
    [
        ("auc", "val_auc", "idxmax"),
        ("accuracy", "val_acc", "idxmax"),
        ("loss", "val_loss", "idxmin"),
        ("last", "epoch", "idxmax"),
    ],
)
def test_the_best_epoch_is_chosen_on_validation(
    prepare: Prepare, select_on: str, column: str, best: str
) -> None:
    prepare.values["training"] |= {"select_on": select_on, "epochs": 6, "lr": 0.01}
    experiment, layout = prepare()
    folder = finish(experiment, layout, "conv_bn")
    history = pd.read_csv(folder.history)
    chosen = int(getattr(history[column], best)()) + 1
    progress = CheckpointFolder(folder.checkpoints).load(
        pd.read_json(folder.run_json, typ="series")["digest"]
    )
    assert progress is not None and progress.progress.best_epoch == chosen
    predictions = pd.read_csv(folder.predictions("val"))
    accuracy = ((predictions.score > 0.5) == predictions.Disease).mean()
    assert accuracy == pytest.approx(history.val_acc[chosen - 1])
    sent = (folder.path / "journal.jsonl").read_text().count('"checkpoints/best.safetensors"')
    note = run_status(experiment.run("conv_bn", 0), folder).note
    if select_on == "last":
        assert note == "the last epoch, 6" and sent == 1  # not once for each epoch
    else:
        assert note == f"{column} {history[column][chosen - 1]:.3f} in epoch {chosen}"


@pytest.mark.slow(seconds=8)
@pytest.mark.parametrize("loss", ["cross_entropy", "nll", "bce", "bce_with_logits"])
def test_every_loss_learns_to_fit_its_training_images(prepare: Prepare, loss: str) -> None:
    prepare.values["training"] |= {"loss": loss, "epochs": 30, "schedule": "cosine"}
    prepare.values["image"]["rotate"] = {"probability": 0.0}
    experiment, layout = prepare()
    history = pd.read_csv(finish(experiment, layout, "conv_bn").history)
    assert history.train_auc.iloc[-1] > 0.98


def test_a_loss_that_is_no_longer_finite_is_an_error_with_advice(prepare: Prepare) -> None:
    prepare.values["training"] |= {"lr": 1e12, "optimizer": "sgd"}
    experiment, layout = prepare()
    with pytest.raises(TrainingError, match=r"the loss is (nan|inf) at epoch \d+, step .*training"):
        finish(experiment, layout, "conv")
    folder = layout.run("conv", 0)
    assert not folder.best.exists() and not folder.run_json.exists()
    events = journal.read(folder.path / journal.NAME)
    assert isinstance(events[-1], Status) and events[-1].status == "FAILED"
    assert "TrainingError: the loss is" in events[-1].error


def test_asking_for_a_gpu_that_is_not_there_is_an_error(prepare: Prepare) -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    prepare.values["training"]["device"] = "cuda"
    experiment, layout = prepare()
    with pytest.raises(
        TrainingError, match=r"training\.device is 'cuda', and torch can use none here: "
    ):
        train(experiment, experiment.run("conv", 0), layout)


@pytest.mark.slow(seconds=2)
def test_a_batch_of_one_without_variance_is_an_error_with_advice(prepare: Prepare) -> None:
    """Of a model of timm, which normalises what it pooled, only training knows."""
    prepare.values["variants"] = {"mobile": {"model": "timm/mobilenetv4_conv_small"}}
    prepare.values["training"]["batch_size"] = 1
    experiment, layout = prepare()
    with pytest.raises(
        TrainingError, match="a batch of 1 leaves batch normalisation a single value"
    ):
        train(experiment, experiment.run("mobile", 0), layout)

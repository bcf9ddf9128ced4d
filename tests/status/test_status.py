"""Where real runs stand: done, running, killed, failed, not started, stopped."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml

from bakeoff.config.experiment import Experiment
from bakeoff.data.pack import pack
from bakeoff.data.splits import write_splits
from bakeoff.errors import TrainingError
from bakeoff.evaluation.metrics import evaluate_predictions
from bakeoff.inference.predict import predict
from bakeoff.layout import Layout
from bakeoff.locking import STALE_SECONDS
from bakeoff.pretraining.pretrain import pretrain
from bakeoff.status.run import run_status
from bakeoff.training.train import train
from tests.photographs import photographs
from tests.waiting import eventually

SIZE = 80


class Bakeoff:
    """A configuration in a folder, its splits and pack made, its runs to be started by the test."""

    def __init__(self, folder: Path, **changes: Any) -> None:
        self.folder = folder
        table = photographs(folder)
        values: dict[str, Any] = {
            "experiment": "small",
            "results": str(folder / "results"),
            "data": {
                "labels": str(table),
                "images": str(folder / "photos"),
                "image_column": "image",
                "label_column": "label",
                "patient_column": None,
                "negative": ["intact"],
                "positive": ["crack"],
            },
            "split": {"train": 30, "val": 15, "test": 15},
            "image": {"size": SIZE},
            "training": {"epochs": 2, "batch_size": 8, "lr": 1e-3},
            "tracking": {"live": False},
            "variants": {
                "good": {"model": "conv"},
                "long": {"model": "conv", "training": {"epochs": 100000}},
                "bad": {"model": "conv", "training": {"lr": 1e12, "optimizer": "sgd"}},
                "late": {"model": "conv"},
                "unread": {"model": "conv"},
            },
            **changes,
        }
        self.config = folder / "config.yaml"
        self.config.write_text(yaml.safe_dump(values))
        self.experiment = Experiment.parse(values)
        self.layout = Layout(self.experiment.results / "small")
        write_splits(self.experiment.data, self.experiment.split, self.layout.splits, workers=1)
        pack(self.layout.splits, self.experiment.data, SIZE, self.layout.packed(SIZE), workers=1)

    def begin(self, variant: str) -> "subprocess.Popen[bytes]":
        log = self.layout.run(variant, 0).path / "train.log"
        return self.begin_stage(log, "train", "--variant", variant, "--seed", "0")

    def begin_stage(self, log: Path, stage: str, *options: str) -> "subprocess.Popen[bytes]":
        arguments = [stage, "--config", str(self.config), *options]
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as stream:
            return subprocess.Popen(
                [sys.executable, "-m", "bakeoff", *arguments], stdout=stream, stderr=stream
            )

    def status(self, *options: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "bakeoff", "status", "--config", str(self.config), *options],
            capture_output=True,
            text=True,
            check=False,
            cwd=self.folder,
        )

    def states(self) -> dict[str, dict[str, Any]]:
        return {one["variant"]: one for one in json.loads(self.status("--json").stdout)}

    def epochs(self, variant: str) -> int:
        run = self.experiment.run(variant, 0)
        return run_status(run, self.layout.run(variant, 0)).epoch


@pytest.fixture
def bakeoff(tmp_path: Path) -> Bakeoff:
    return Bakeoff(tmp_path)


@pytest.fixture
def long(bakeoff: Bakeoff) -> "Iterator[subprocess.Popen[bytes]]":
    """The process of a run that does not end by itself, past its third epoch."""
    process = bakeoff.begin("long")
    try:
        eventually(lambda: bakeoff.epochs("long") >= 3)
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
        process.wait()


@pytest.mark.slow(seconds=25)
def test_every_run_stands_where_it_is(bakeoff: Bakeoff, long: "subprocess.Popen[bytes]") -> None:
    experiment, layout = bakeoff.experiment, bakeoff.layout
    good = experiment.run("good", 0)
    train(experiment, good, layout)
    states = bakeoff.states()
    assert states["good"]["state"] == "trained"
    predict(experiment, good, layout)
    evaluate_predictions(layout.run("good", 0).path)
    with pytest.raises(TrainingError):
        train(experiment, experiment.run("bad", 0), layout)
    unread = layout.run("unread", 0).path
    unread.mkdir(parents=True)
    (unread / "train.log").write_text(
        "bakeoff: error: images.npy: cannot be opened (No such file).\n"
    )

    done = bakeoff.status()
    states = bakeoff.states()
    assert {name: one["state"] for name, one in states.items()} == {
        "good": "done",
        "long": "running",
        "bad": "failed",
        "late": "not started",
        "unread": "failed",
    }
    assert states["good"]["epoch"] == 2 and "val_auc" in states["good"]["note"]
    assert 0 < states["long"]["left"] < 100000 * 60
    assert states["bad"]["note"].startswith("TrainingError: the loss is")
    assert states["unread"]["note"] == "images.npy: cannot be opened (No such file)."
    assert states["unread"]["log"] == str(unread / "train.log")
    assert done.returncode == 1
    assert max(map(len, (line for line in done.stdout.splitlines() if "log: " not in line))) <= 80
    assert done.stdout.startswith("small: 5 runs: 1 done, 1 running, 2 failed, 1 not started\n")

    long.terminate()
    long.wait()
    assert bakeoff.states()["long"]["state"] == "saved"


@pytest.mark.slow(seconds=12)
def test_a_pretraining_stands_where_it_is(tmp_path: Path) -> None:
    vit = {"model": "vit_b16", "depth": 1, "width": 24, "heads": 2}
    long = {**vit, "training": {"epochs": 100000}}
    starts = {name: {**vit, "weights": f"pretraining/{name}"} for name in ("short", "long")}
    bakeoff = Bakeoff(tmp_path, pretraining={"short": vit, "long": long}, variants=starts)
    experiment, layout = bakeoff.experiment, bakeoff.layout
    pretrain(experiment, experiment.pretraining("short"), layout)
    log = layout.pretraining("long").path / "pretrain.log"
    process = bakeoff.begin_stage(log, "pretrain", "--name", "long")
    try:
        eventually(lambda: bakeoff.states()["pretraining/long"]["epoch"] >= 2)
        states, said = bakeoff.states(), bakeoff.status().stdout
        process.terminate()
        process.wait()
    finally:
        process.kill()
        process.wait()
    assert said.startswith("small: 2 pretrainings: 1 done, 1 running; 2 runs: 2 not started\n")
    assert states["pretraining/short"]["state"] == "done"
    assert states["pretraining/short"]["note"].startswith("masked_error ")
    assert states["pretraining/short"]["epoch"] == states["pretraining/short"]["epochs"] == 2
    running = states["pretraining/long"]
    assert running["state"] == "running" and running["kind"] == "pretraining"
    assert 0 < running["left"] < 100000 * 60 and running["note"].startswith("on ")
    assert bakeoff.states()["pretraining/long"]["state"] == "saved"


@pytest.mark.slow(seconds=12)
def test_a_run_that_is_killed_has_died_at_once_here_and_after_its_silence_elsewhere(
    bakeoff: Bakeoff, long: "subprocess.Popen[bytes]", monkeypatch: pytest.MonkeyPatch
) -> None:
    long.kill()
    long.wait()
    one = bakeoff.states()["long"]
    assert one["state"] == "died" and one["left"] is None
    assert "no sign of life since" in one["note"] and "it goes on when" in one["note"]
    # As another machine sees it, which no lock need reach.
    run, folder = bakeoff.experiment.run("long", 0), bakeoff.layout.run("long", 0)
    monkeypatch.setattr("socket.gethostname", lambda: "login")
    now = time.time()
    assert run_status(run, folder, now).state == "running"
    assert run_status(run, folder, now + STALE_SECONDS + 60).state == "died"


@pytest.mark.slow(seconds=2)
def test_what_went_wrong_before_any_run_is_said(bakeoff: Bakeoff) -> None:
    (bakeoff.layout.splits / "audit.json").unlink()
    log = bakeoff.layout.root / "logs/split.log"
    log.parent.mkdir()
    log.write_text("bakeoff: error: labels.csv: no column 'Image Index'.\n")
    done = bakeoff.status()
    assert done.returncode == 1
    assert "split failed: labels.csv: no column 'Image Index'." in done.stdout


@pytest.mark.slow(seconds=2)
def test_status_needs_neither_torch_nor_pandas(bakeoff: Bakeoff) -> None:
    code = (
        "import sys; from click.testing import CliRunner; from bakeoff.cli import cli;"
        f"said = CliRunner().invoke(cli, ['status', '--config', {str(bakeoff.config)!r}]);"
        "assert said.exit_code == 3 and '5 not started' in said.output, said.output;"
        "heavy = {'torch', 'pandas', 'mlflow', 'timm', 'snakemake', 'submitit'};"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)

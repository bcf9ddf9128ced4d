"""Where real runs stand: done, running, killed, failed, not started, stopped, queued in a real SLURM."""

import json
import os
import re
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
from bakeoff.evaluation.predict import predict
from bakeoff.layout import Layout
from bakeoff.status.queue import identity, queued
from bakeoff.status.run import standing
from bakeoff.training.heartbeat import SILENCE
from bakeoff.training.train import train
from snakemake_executor_plugin_submitit.identity import identity_of_outputs
from snakemake_executor_plugin_submitit.layout import Layout as PluginLayout
from snakemake_executor_plugin_submitit.registry import Entry, Registry
from tests.cluster.cluster import SlurmCluster
from tests.photographs import photographs
from tests.waiting import eventually

SIZE = 80


class Bakeoff:
    """A configuration in a folder, its splits and pack made, its runs to be started by the test."""

    def __init__(self, folder: Path) -> None:
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
        }
        self.config = folder / "config.yaml"
        self.config.write_text(yaml.safe_dump(values))
        self.experiment = Experiment.parse(values)
        self.layout = Layout(self.experiment.results / "small")
        write_splits(self.experiment.data, self.experiment.split, self.layout.splits, workers=1)
        pack(self.layout.splits, self.experiment.data, SIZE, self.layout.packed(SIZE), workers=1)

    def begin(self, variant: str) -> "subprocess.Popen[bytes]":
        arguments = ["train", "--config", str(self.config), "--variant", variant, "--seed", "0"]
        log = self.layout.run(variant, 0).path / "train.log"
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
        return standing(run, self.layout.run(variant, 0)).epoch


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
    assert standing(run, folder, now).state == "running"
    assert standing(run, folder, now + SILENCE + 60).state == "died"


def test_what_went_wrong_before_any_run_is_said(bakeoff: Bakeoff) -> None:
    (bakeoff.layout.splits / "audit.json").unlink()
    log = bakeoff.layout.root / "logs/split.log"
    log.parent.mkdir()
    log.write_text("bakeoff: error: labels.csv: no column 'Image Index'.\n")
    done = bakeoff.status()
    assert done.returncode == 1
    assert "split failed: labels.csv: no column 'Image Index'." in done.stdout


def test_status_needs_neither_torch_nor_pandas(bakeoff: Bakeoff) -> None:
    code = (
        "import sys; from click.testing import CliRunner; from bakeoff.cli import cli;"
        f"said = CliRunner().invoke(cli, ['status', '--config', {str(bakeoff.config)!r}]);"
        "assert said.exit_code == 3 and '5 not started' in said.output, said.output;"
        "heavy = {'torch', 'pandas', 'mlflow', 'timm', 'snakemake', 'submitit'};"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_run_is_known_by_what_its_rule_makes() -> None:
    """The executor calls a job by all the outputs that the rule declares, and by no others."""
    text = (Path(__file__).parents[2] / "workflow/rules/train.smk").read_text()
    output = text.partition("    output:")[2].partition("    log:")[0]
    made = [
        f"results/mine/{file}".format(variant="conv", seed=3)
        for file in re.findall(r'=RESULTS / "(.*)"', output)
    ]
    assert len(made) == output.count("=")
    assert identity(Layout(Path("results/mine")), "conv", 3) == identity_of_outputs(made)


@pytest.mark.cluster
def test_a_job_that_waits_in_slurm_is_queued_whatever_the_shell_hides(
    slurm: SlurmCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in slurm.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("SQUEUE_PARTITION", "high")  # of a person's own squeue
    said = slurm.run(
        "sbatch", "--hold", "--array=0-1", "--wrap=true", f"--output={tmp_path}/%a.log"
    )
    job_id = said.split()[-1]
    registry = Registry(PluginLayout.create(tmp_path))
    mine, other = Layout(Path("results/mine")), Layout(Path("results/other"))
    for index, layout in enumerate((mine, other)):
        registry.write(
            Entry(
                identity=identity(layout, "conv", 0),
                key=f"{index}",
                name="train.conv.seed-0",
                digest="",
                cluster="slurm",
                folder=str(tmp_path),
                index=index,
                array=True,
                submitted=time.time(),
                job_id=f"{job_id}_{index}",
            )
        )
    asked = [("conv", 0), ("conv", 1)]
    try:
        for index, layout in enumerate((mine, other)):  # in one working directory
            found = queued(asked, layout, registry.layout.registry)
            assert found == {("conv", 0): f"PENDING: JobHeldUser, SLURM job {job_id}_{index}"}
    finally:
        slurm.run("scancel", job_id)
    assert queued(asked, mine, registry.layout.registry) == {}

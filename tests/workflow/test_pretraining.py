"""A pretraining in the workflow: killed, taken up again, and followed by the variants that start from it."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from bakeoff.config.experiment import Experiment
from bakeoff.data.tables import read_split
from bakeoff.files import read_json
from bakeoff.layout import Layout
from bakeoff.pretraining.pretrain import pretrain
from bakeoff.pretraining.unlabelled import pack_unlabelled
from bakeoff.task.binary import BinaryTask
from tests.workflow.conftest import Workflow

pytestmark = pytest.mark.slow

VIT = {"model": "vit_b16", "depth": 2, "width": 24, "heads": 2}
WEIGHTS = [f"results/small/runs/{variant}/seed-0/best.safetensors" for variant in ("vit", "conv")]


def configured(workflow: Workflow, **keys: object) -> Workflow:
    mpp = {
        **VIT,
        "images": "unlabelled",
        "training": {"epochs": 15, "checkpoint": {"every": 0}},
        **keys,
    }
    return workflow.with_config(
        pretraining={"mpp": mpp},
        variants={"conv": {"model": "conv"}, "vit": {**VIT, "weights": "pretraining/mpp"}},
        tracking={"live": False},
    )


@pytest.mark.slow(seconds=60)
def test_a_pretraining_that_was_killed_goes_on_and_its_variants_follow(
    copied: Workflow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(copied.folder)
    workflow = configured(copied)
    Path("unlabelled").mkdir()
    for name in read_split(workflow.results / "splits/train.csv", BinaryTask()).frame[
        "Image Index"
    ]:
        shutil.copy(Path("data/images") / name, "unlabelled")
    experiment = Experiment.parse(workflow.config)
    mpp = experiment.pretraining("mpp")
    pack_unlabelled(mpp, experiment, Layout(workflow.results), workers=1)
    untouched = Layout(tmp_path / "untouched")
    for part in ("splits", "packed", "pretraining"):
        shutil.copytree(workflow.results / part, untouched.root / part)
    expected = pretrain(experiment, mpp, untouched).read_bytes()
    kill_after_an_epoch(workflow)
    folder = workflow.results / "pretraining/mpp"
    shutil.rmtree(folder / "packed")  # so that its rule makes it again
    workflow.snakemake("--cores", "1", "--", *WEIGHTS)
    assert "Going on from the checkpoint" in (folder / "checkpoints/attempts.log").read_text()
    assert (folder / "weights.safetensors").read_bytes() == expected
    assert read_json(folder / "run.json")["images"] == 40
    assert (folder / "pretrain.log").exists() and (folder / "pack.log").exists()
    other = configured(workflow, masked=0.3, resources={"mem_mb": 9000})
    assert other.would_run("--", *WEIGHTS) == {"pretrain": 1, "train": 1}


def kill_after_an_epoch(workflow: Workflow) -> None:
    Path("config.yaml").write_text(yaml.safe_dump(workflow.config))
    process = subprocess.Popen(
        [sys.executable, "-m", "bakeoff", "pretrain", "--config", "config.yaml", "--name", "mpp"],
        stdout=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(workflow.folder / "src")},
    )
    while not (workflow.results / "pretraining/mpp/history.csv").exists():
        assert process.poll() is None
        time.sleep(0.01)
    process.kill()
    assert process.wait() < 0, "it ended before it was killed"

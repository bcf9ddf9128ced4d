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
from bakeoff.data.pack import PackedImages
from bakeoff.data.tables import read_split
from bakeoff.files import read_json
from bakeoff.layout import Layout
from bakeoff.pretraining.pretrain import pretrain
from tests.workflow.conftest import Workflow

pytestmark = pytest.mark.slow

VIT = {"model": "vit_b16", "depth": 2, "width": 24, "heads": 2}
WEIGHTS = [f"results/small/runs/{variant}/seed-0/best.safetensors" for variant in ("vit", "conv")]


def configured(workflow: Workflow, **keys: object) -> Workflow:
    return workflow.with_config(
        pretraining={"mpp": {**VIT, "training": {"epochs": 15}, **keys}},
        variants={"conv": {"model": "conv"}, "vit": {**VIT, "weights": "pretraining/mpp"}},
        tracking={"live": False},
    )


def test_a_pretraining_that_was_killed_goes_on_and_its_variants_follow(
    copied: Workflow, tmp_path: Path
) -> None:
    workflow = configured(copied)
    experiment = Experiment.parse(workflow.config)
    untouched = Layout(tmp_path / "untouched")
    for part in ("splits", "packed"):
        shutil.copytree(workflow.results / part, untouched.root / part)
    expected = pretrain(experiment, experiment.pretraining("mpp"), untouched).read_bytes()
    kill_after_an_epoch(workflow)
    workflow.snakemake("--cores", "1", "--", *WEIGHTS)
    folder = workflow.results / "pretraining/mpp"
    assert "Going on from the checkpoint" in (folder / "checkpoints/attempts.log").read_text()
    assert (folder / "weights.safetensors").read_bytes() == expected
    assert (folder / "pretrain.log").exists()
    more = configured(workflow, resources={"mem_mb": 9000, "runtime": 5})
    assert more.would_run("--", *WEIGHTS) == {}
    other = configured(workflow, masked=0.3)
    assert other.would_run("--", *WEIGHTS) == {"pretrain": 1, "train": 1}


def test_an_unlabelled_folder_is_packed_for_its_pretraining(copied: Workflow) -> None:
    folder = copied.folder / "unlabelled"
    folder.mkdir()
    train = read_split(copied.results / "splits/train.csv")["Image Index"]
    for name in train[:9]:
        shutil.copy(copied.folder / "data/images" / name, folder)
    workflow = configured(copied, images="unlabelled", training={"epochs": 1})
    workflow.snakemake("--cores", "1", "--", "results/small/pretraining/mpp/weights.safetensors")
    made = workflow.results / "pretraining/mpp"
    assert set(PackedImages.open(made / "packed").row_of) == set(train[:9])
    assert read_json(made / "run.json")["images"] == 9
    assert (made / "pack.log").exists()


def kill_after_an_epoch(workflow: Workflow) -> None:
    (workflow.folder / "config.yaml").write_text(yaml.safe_dump(workflow.config))
    process = subprocess.Popen(
        [sys.executable, "-m", "bakeoff", "pretrain", "--config", "config.yaml", "--name", "mpp"],
        cwd=workflow.folder,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(workflow.folder / "src")},
    )
    while not (workflow.results / "pretraining/mpp/history.csv").exists():
        assert process.poll() is None
        time.sleep(0.01)
    process.kill()
    assert process.wait() < 0, "it ended before it was killed"

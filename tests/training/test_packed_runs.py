"""Runs that share a process: the bits of single runs, each with a notice, a kill and a failure of its own."""

import json
import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import torch

from bakeoff.config.experiment import Experiment
from bakeoff.errors import ConfigError
from bakeoff.layout import Layout, RunFolder
from bakeoff.locking import is_held
from bakeoff.status.run import run_status
from bakeoff.training import packed_runs
from bakeoff.training.job import JOBS_LOG
from bakeoff.training.objective import Objective
from bakeoff.training.packed_runs import train_together
from bakeoff.training.stop import NOTICE_VARIABLE, Stopped
from bakeoff.training.train import train
from tests.training.conftest import EACH_EPOCH, Prepare
from tests.waiting import eventually

pytestmark = pytest.mark.slow(seconds=5)


def bits(folder: RunFolder) -> tuple[bytes, str]:
    """What has to be the same of a run in a pack and of a run by itself."""
    history = pd.read_csv(folder.history, dtype=str).drop(columns="seconds")
    return folder.best.read_bytes(), history.to_csv()


def every(experiment: Experiment, layout: Layout) -> dict[str, tuple[bytes, str]]:
    return {run.name: bits(layout.run(run.variant.name, run.seed)) for run in experiment.runs()}


def alone(experiment: Experiment, layout: Layout) -> dict[str, tuple[bytes, str]]:
    """The same of runs that were trained by themselves."""
    for run in experiment.runs():
        train(experiment, run, layout)
    return every(experiment, layout)


@pytest.fixture
def few(prepare: Prepare, caplog: pytest.LogCaptureFixture) -> Prepare:
    """Two seeds of a network with a batch normalisation, and one with dropout, as the command line logs."""
    caplog.set_level(logging.INFO, logger="bakeoff")
    prepare.values["training"] |= {"seeds": [0, 1], "epochs": 2}
    prepare.values["variants"].pop("conv")
    prepare.values["variants"]["dropout"]["training"]["seeds"] = [0]
    return prepare


@pytest.mark.parametrize("by_turns", [False, True])
def test_runs_of_a_pack_have_the_bits_of_runs_by_themselves(
    few: Prepare, by_turns: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment, layout = few("alone")
    expected = alone(experiment, layout)
    _, packed = few("packed")
    monkeypatch.setattr(packed_runs, "by_turns", lambda device: by_turns)
    assert train_together(experiment, list(experiment.runs()), packed) == {}
    assert every(experiment, packed) == expected
    for run in experiment.runs():
        folder = packed.run(run.variant.name, run.seed)
        epochs = run.variant.training.epochs
        for file in (folder.path / "train.log", folder.checkpoints / JOBS_LOG):
            assert file.read_text().count("Beginning at epoch 1") == 1, "nothing of another run"
        assert (folder.path / "train.log").read_text().count("Validation set") == epochs
        assert not is_held(folder.lock)
        assert run_status(run, folder).state == "trained"


@pytest.mark.parametrize("key", ["device", "threads", "deterministic"])
def test_runs_that_do_not_agree_in_what_a_process_has_once_are_refused(
    few: Prepare, key: str
) -> None:
    other = {"device": "cuda", "threads": 2, "deterministic": False}[key]
    few.values["variants"]["dropout"]["training"][key] = other
    experiment, layout = few()
    with pytest.raises(ConfigError, match=rf"cannot be trained in one process: training\.{key} is"):
        train_together(experiment, list(experiment.runs()), layout)


@pytest.mark.parametrize("by_turns", [False, True])
def test_a_notice_stops_all_and_the_same_command_ends_them_with_the_same_bits(
    few: Prepare, by_turns: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    experiment, layout = few("alone")
    expected = alone(experiment, layout)
    _, packed = few("packed")
    runs = list(experiment.runs())
    monkeypatch.setattr(packed_runs, "by_turns", lambda device: by_turns)
    monkeypatch.setenv(NOTICE_VARIABLE, str(tmp_path / "notice"))
    batches = 0

    def count(module: object, *_: object) -> None:
        nonlocal batches
        batches += isinstance(module, Objective)
        if batches == 7:
            os.kill(os.getpid(), signal.SIGUSR2)

    handle = torch.nn.modules.module.register_module_forward_pre_hook(count)
    with pytest.raises(Stopped, match=r"SIGUSR2: \d of 3 runs are not finished"):
        train_together(experiment, runs, packed)
    handle.remove()
    assert (tmp_path / "notice.saved").exists()
    begun = [run for run in runs if packed.run(run.variant.name, run.seed).lock.exists()]
    assert len(begun) == (3 if by_turns else 1)
    for run in begun:
        assert run_status(run, packed.run(run.variant.name, run.seed)).state == "saved"
    assert train_together(experiment, runs, packed) == {}
    assert every(experiment, packed) == expected


def test_a_run_that_fails_says_so_in_its_own_log_and_takes_no_other_with_it(
    few: Prepare, capsys: pytest.CaptureFixture[str]
) -> None:
    few.values["variants"]["wild"] = {
        "model": "conv",
        "training": {"lr": 1e30, "optimizer": "sgd", "seeds": [0]},
    }
    experiment, packed = few("packed")
    stale = packed.run("wild", 0)
    stale.path.mkdir(parents=True)
    stale.best.write_text("of an earlier plan")
    failures = train_together(experiment, list(experiment.runs()), packed)
    assert list(failures) == ["wild/seed-0"]
    assert "Lower training.lr" in failures["wild/seed-0"]
    assert not stale.best.exists()
    states = {
        run.name: run_status(run, packed.run(run.variant.name, run.seed))
        for run in experiment.runs()
    }
    failed = states.pop("wild/seed-0")
    assert (failed.state, failed.log) == ("failed", str(stale.path / "train.log"))
    assert {one.state for one in states.values()} == {"trained"}
    assert not is_held(stale.lock)
    assert "bakeoff: error: the loss is" in (stale.path / "train.log").read_text()
    assert "the loss is" not in (packed.run("dropout", 0).path / "train.log").read_text()


def test_a_pack_killed_in_the_middle_ends_with_the_same_bits(few: Prepare) -> None:
    few.values["training"] |= {"epochs": 6, **EACH_EPOCH}
    experiment, layout = few("alone")
    expected = alone(experiment, layout)
    few.values["results"] = str(few.folder / "results/packed")
    _, packed = few("packed")
    ended = few.folder / "ended.json"
    names = [option for run in experiment.runs() for option in ("--run", run.name)]
    command = [sys.executable, "-m", "bakeoff", "train", "--config", str(few.config_file())]
    command += [*names, "--ended", str(ended)]
    process = subprocess.Popen(command)
    second = packed.run("conv_bn", 1)
    eventually(lambda: second.history.exists(), 60)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert not ended.exists()
    subprocess.run(command, check=True)
    assert set(json.loads(ended.read_text()).values()) == {"trained"}
    assert every(experiment, packed) == expected
    first = (packed.run("conv_bn", 0).path / "train.log").read_text()
    assert first.count("Trained before") == 1
    assert "Going on from the checkpoint" in (second.path / "train.log").read_text()


def test_a_run_without_room_beside_others_is_told_of_and_may_be_tried_by_itself(
    few: Prepare, monkeypatch: pytest.MonkeyPatch
) -> None:
    few.values["training"] |= {"epochs": 1}
    experiment, packed = few("packed")
    run, *others = experiment.runs()

    def no_room(objective: Objective, *_: object) -> None:
        if isinstance(objective, Objective) and objective.model.training and not handled:
            handled.append(objective)
            raise torch.OutOfMemoryError("tried to allocate 2 GiB")

    handled: list[Objective] = []
    handle = torch.nn.modules.module.register_module_forward_pre_hook(no_room)
    failures = train_together(experiment, [run, *others], packed)
    handle.remove()
    assert list(failures) == [run.name]
    assert "out of memory on the CPU, training on batches of 8 images" in failures[run.name]
    train(experiment, run, packed)  # no mark forbids it
    assert packed.run(run.variant.name, run.seed).best.exists()

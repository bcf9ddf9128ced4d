"""Going on from a checkpoint: from any step, and on another kind of device only where that is allowed."""

from typing import Any

import pandas as pd
import pytest
import torch

from bakeoff.config.digest import run_digest
from bakeoff.config.experiment import Experiment
from bakeoff.errors import CheckpointError
from bakeoff.files import read_json
from bakeoff.layout import Layout, RunFolder
from bakeoff.status.run import run_status
from bakeoff.tracking.journal import journal
from bakeoff.tracking.journal.events import Metrics, RunStarted
from bakeoff.training import loop
from bakeoff.training.checkpoint import CheckpointFolder, Progress
from bakeoff.training.stop import Stopped
from bakeoff.training.train import train
from tests.training.conftest import Prepare
from tests.training.test_train import (
    assert_every_epoch_journalled_once,
    finish,
    results,
    train_until_signalled,
)

H100 = "NVIDIA H100 80GB HBM3"


class Killed(BaseException):
    """The end of a process, at the place where it is raised."""


def killed_at(step: int, experiment: Experiment, layout: Layout, variant: str) -> RunFolder:
    """Train until just before a step, counted from 0 over all epochs, and be killed there."""
    done = -1

    def on_batch(module: torch.nn.Module, _: Any) -> None:
        nonlocal done
        if isinstance(module, loop.Objective) and module.training:
            done += 1
            if done == step:
                raise Killed

    handle = torch.nn.modules.module.register_module_forward_pre_hook(on_batch)
    try:
        with pytest.raises(Killed):
            train(experiment, experiment.run(variant, 0), layout)
    finally:
        handle.remove()
    return layout.run(variant, 0)


def saved(folder: RunFolder) -> Progress | None:
    checkpoints = CheckpointFolder(folder.checkpoints)
    if not checkpoints.last.exists():
        return None
    events = journal.read(folder.path / journal.NAME)
    begun = next(event for event in events if isinstance(event, RunStarted))
    checkpoint = checkpoints.load(begun.digest)
    return checkpoint and checkpoint.progress


def test_a_run_saves_itself_in_the_middle_of_an_epoch_and_ends_like_one_that_was_not_killed(
    prepare: Prepare,
) -> None:
    experiment, whole = prepare("whole")
    expected = results(finish(experiment, whole, "conv_bn"))
    prepare.values["training"]["checkpoint"] = {"every": "0.001 s"}
    experiment, killed = prepare("killed")
    folder = killed_at(8, experiment, killed, "conv_bn")  # the fourth step of five in epoch 2
    progress = saved(folder)
    assert progress is not None and (progress.epoch, progress.step) >= (2, 1)
    told = [e.step for e in journal.read(folder.path / journal.NAME) if isinstance(e, Metrics)]
    assert told == [1] and len(pd.read_csv(folder.history)) == 1
    assert results(finish(experiment, killed, "conv_bn")) == expected
    assert_every_epoch_journalled_once(folder, epochs=3)


def test_what_no_checkpoint_has_is_not_told_and_comes_again(prepare: Prepare) -> None:
    """By default a run of a second is not saved before its end."""
    experiment, whole = prepare("whole")
    expected = results(finish(experiment, whole, "conv_bn"))
    _, killed = prepare("killed")
    folder = killed_at(8, experiment, killed, "conv_bn")
    assert saved(folder) is None and not folder.history.exists()
    assert not [e for e in journal.read(folder.path / journal.NAME) if isinstance(e, Metrics)]
    assert results(finish(experiment, killed, "conv_bn")) == expected
    assert_every_epoch_journalled_once(folder, epochs=3)
    assert len(list(folder.path.glob("journal*.jsonl"))) == 1


def test_a_checkpoint_of_another_kind_of_device_is_gone_on_from_only_where_that_is_allowed(
    prepare: Prepare, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment, layout = prepare()
    run, folder = experiment.run("conv", 0), layout.run("conv", 0)
    with monkeypatch.context() as patch:
        patch.setattr(loop, "kind_of", lambda device: H100)
        with pytest.raises(Stopped):
            train_until_signalled(experiment, layout, "conv")
        with pytest.raises(Stopped):  # such a GPU again
            train_until_signalled(experiment, layout, "conv")
    before = CheckpointFolder(folder.checkpoints).last.read_bytes()
    with pytest.raises(CheckpointError) as refused:
        train(experiment, run, layout)
    for said in (f"a GPU {H100} up to epoch 1, step 2", "this job has the CPU", "resources.gpu_model",
                 "training.resume_anywhere: true", "--fresh"):  # fmt: skip
        assert said in str(refused.value)
    assert CheckpointFolder(folder.checkpoints).last.read_bytes() == before

    prepare.values["training"]["resume_anywhere"] = True
    allowed, _ = prepare()
    assert run_digest(allowed.run("conv", 0), allowed.data) == run_digest(run, experiment.data)
    finish(allowed, layout, "conv")
    jobs = read_json(folder.run_json)["attempts"]
    assert [(job["device"], job["epoch"], job["step"]) for job in jobs] == [
        (H100, 1, 0),
        (H100, 1, 1),
        ("cpu", 1, 2),
    ]
    assert all(job["host"] and job["began"] for job in jobs)
    note = run_status(allowed.run("conv", 0), folder).note
    assert note.endswith(f"trained on several kinds of devices: {H100}, cpu")


def test_a_run_of_one_kind_of_device_says_nothing_of_it(prepare: Prepare) -> None:
    experiment, layout = prepare()
    folder = finish(experiment, layout, "conv")
    assert [job["device"] for job in read_json(folder.run_json)["attempts"]] == ["cpu"]
    assert "devices" not in run_status(experiment.run("conv", 0), folder).note


def test_a_checkpoint_of_before_which_does_not_know_its_device_is_gone_on_from(
    prepare: Prepare,
) -> None:
    experiment, layout = prepare()
    with pytest.raises(Stopped):
        train_until_signalled(experiment, layout, "conv")
    folder = layout.run("conv", 0)
    checkpoints, progress = CheckpointFolder(folder.checkpoints), saved(folder)
    assert progress is not None
    checkpoint = checkpoints.load(progress.digest)
    assert checkpoint is not None
    checkpoint.progress.device, checkpoint.progress.attempts = "", []
    checkpoints.save(checkpoint.progress, checkpoint.tensors)
    finish(experiment, layout, "conv")
    assert [job["step"] for job in read_json(folder.run_json)["attempts"]] == [1]

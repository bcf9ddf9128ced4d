"""Pretraining as a stage: it ends the same wherever it was stopped, and a variant goes on from it."""

import os
import signal
from typing import Any

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file, save_file

from bakeoff.config.experiment import Experiment
from bakeoff.config.pretraining import Pretraining
from bakeoff.errors import ConfigError
from bakeoff.files import read_json
from bakeoff.inference.trained_model import load_trained
from bakeoff.layout import Layout
from bakeoff.models.patches import resize_positions
from bakeoff.pretraining.pretrain import build_masked_patches, pretrain
from bakeoff.tracking.journal import journal
from bakeoff.tracking.journal.events import Metrics, Status
from bakeoff.training.initialisation import build_model
from bakeoff.training.stop import Stopped
from bakeoff.training.train import train
from tests.pretraining.conftest import VIT, parsed
from tests.training.conftest import Prepare

pytestmark = pytest.mark.slow(seconds=2)


def results(layout: Layout) -> dict[str, Any]:
    folder = layout.pretraining("mpp")
    history = pd.read_csv(folder.history, dtype=str).drop(columns="seconds")
    return {"weights": folder.best.read_bytes(), "history": history.to_csv()}


def pretrain_stopped_after_every_step(
    experiment: Experiment, chosen: Pretraining, layout: Layout
) -> int:
    previous = signal.getsignal(signal.SIGTERM)

    def stop(*_: object) -> None:
        if signal.getsignal(signal.SIGTERM) is not previous:
            os.kill(os.getpid(), signal.SIGTERM)

    for training_job in range(50):
        handle = torch.nn.modules.module.register_module_forward_pre_hook(stop)
        try:
            pretrain(experiment, chosen, layout)
            return training_job
        except Stopped:
            continue
        finally:
            handle.remove()
    raise AssertionError("it does not end")


@pytest.mark.parametrize("next_part", [False, True])
def test_a_pretraining_stopped_after_every_step_ends_like_one_that_was_not(
    prepare: Prepare, settings: dict[str, Any], next_part: bool
) -> None:
    chosen = parsed(settings, next_part=next_part)
    experiment, whole = prepare("whole")
    _, stopped = prepare("stopped")
    pretrain(experiment, chosen, whole)
    assert pretrain_stopped_after_every_step(experiment, chosen, stopped) >= 9
    assert results(stopped) == results(whole)
    events = journal.read(stopped.pretraining("mpp").path / journal.NAME)
    assert [e.step for e in events if isinstance(e, Metrics)] == [1, 2]
    assert [e.status for e in events if isinstance(e, Status)][-1] == "FINISHED"


def test_it_is_a_function_of_its_seed_and_its_settings(
    prepare: Prepare, settings: dict[str, Any]
) -> None:
    experiment, layout = prepare()
    pretrain(experiment, parsed(settings, seed=1), layout)
    other = results(layout)
    pretrain(experiment, parsed(settings), layout)
    before = results(layout)
    assert before["weights"] != other["weights"]
    pretrain(experiment, parsed(settings), layout, fresh=True)
    assert results(layout) == before
    pretrain(experiment, parsed(settings, masked=0.5), layout)
    assert results(layout) != before, "other settings start again"


def test_a_seed_has_its_own_initial_weights(settings: dict[str, Any]) -> None:
    one, again, other = (
        build_masked_patches(parsed(settings, seed=seed)).state_dict() for seed in (0, 0, 1)
    )
    assert all(torch.equal(one[name], again[name]) for name in one)
    drawn = ("predict.weight", "mask_token", "vit.blocks.0.attention.qkv.weight")
    assert not any(torch.equal(one[name], other[name]) for name in drawn)


def test_the_folder_says_what_was_done(prepare: Prepare, settings: dict[str, Any]) -> None:
    experiment, layout = prepare()
    path = pretrain(experiment, parsed(settings), layout)
    assert path == layout.root / "pretraining/mpp/weights.safetensors"
    record = read_json(path.parent / "run.json")
    assert record["images"] == 40 and record["config"]["masking"]["masked"] == 0.15
    history = pd.read_csv(path.parent / "history.csv")
    assert list(history["epoch"]) == [1, 2]
    assert history["loss"].iloc[1] < history["loss"].iloc[0]


@pytest.fixture
def named(prepare: Prepare, settings: dict[str, Any]) -> Prepare:
    """A bake-off with the pretraining `mpp`, and a variant that starts from it."""
    prepare.values["results"] = str(prepare.folder / "results/here")
    prepare.values["pretraining"] = {"mpp": settings}
    start = {"model": "vit_b16", **VIT, "weights": "pretraining/mpp"}
    prepare.values["variants"] = {"vit": {**start, "training": {"epochs": 1}}}
    return prepare


def test_a_variant_starts_from_the_weights_of_the_pretraining_that_it_names(named: Prepare) -> None:
    experiment, layout = named("here")
    with pytest.raises(ConfigError, match=r"`bakeoff pretrain --name mpp` makes it"):
        train(experiment, experiment.run("vit", 0), layout)
    weights = load_file(pretrain(experiment, experiment.pretraining("mpp"), layout))
    started = build_model(experiment, experiment.run("vit", 0)).state_dict()
    assert started.keys() - weights.keys() == {"head.weight", "head.bias"}
    assert all(torch.equal(started[name], tensor) for name, tensor in weights.items())
    assert not bool(started["head.weight"].any()), "the head starts afresh"
    train(experiment, experiment.run("vit", 0), layout)
    trained = load_file(layout.run("vit", 0).best)
    assert bool(trained["head.weight"].any())
    layout.pretraining("mpp").best.unlink()
    load_trained(
        experiment, experiment.run("vit", 0), layout.run("vit", 0).best, torch.device("cpu")
    )


def test_other_pretrained_weights_are_another_run(named: Prepare) -> None:
    experiment, layout = named("here")
    pretrain(experiment, experiment.pretraining("mpp"), layout)
    run = experiment.run("vit", 0)
    train(experiment, run, layout)
    first = read_json(layout.run("vit", 0).run_json)["digest"]
    train(experiment, run, layout)
    assert read_json(layout.run("vit", 0).run_json)["digest"] == first
    file = layout.pretraining("mpp").best
    save_file({name: tensor + 0.01 for name, tensor in load_file(file).items()}, file)
    train(experiment, run, layout)
    assert read_json(layout.run("vit", 0).run_json)["digest"] != first


def test_positions_are_interpolated_for_another_image_size_or_stride(named: Prepare) -> None:
    variants = named.values["variants"]
    variants["larger"] = {**variants["vit"], "image": {"size": 112}}
    variants["finer"] = {**variants["vit"], "stride": 8}
    variants["prompted"] = {"model": "vpt_deep", **VIT, "weights": "pretraining/mpp"}
    experiment, layout = named("here")
    learned = load_file(pretrain(experiment, experiment.pretraining("mpp"), layout))
    learned_positions = learned["embedding.positions"]
    assert learned_positions.shape == (1, 1 + 5 * 5, 24)
    for name, grid in (("larger", (7, 7)), ("finer", (9, 9))):
        weights = build_model(experiment, experiment.run(name, 0)).state_dict()
        expected = resize_positions(learned_positions, grid)
        assert torch.equal(weights["embedding.positions"], expected)
        block = "blocks.1.mlp.expand.weight"
        assert torch.equal(weights[block], learned[block])
    prompted = build_model(experiment, experiment.run("prompted", 0)).state_dict()
    assert torch.equal(prompted["backbone.embedding.positions"], learned_positions)

"""Pretraining as a stage: it ends the same wherever it was stopped, and a variant goes on from it."""

import os
import signal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from bakeoff.config.experiment import Experiment, Variant
from bakeoff.config.schema import Resources
from bakeoff.files import read_json
from bakeoff.layout import Layout
from bakeoff.models.catalogue import parse_options
from bakeoff.models.registry import Task, build
from bakeoff.pretraining.pretrain import build_masked_patches, pretrain, pretraining_folder
from bakeoff.pretraining.settings import Pretraining
from bakeoff.tracking import journal
from bakeoff.tracking.events import Metrics, Status
from bakeoff.training.stop import Stopped
from bakeoff.training.train import train
from tests.pretraining.conftest import VIT, parsed
from tests.training.conftest import SIZE, Prepare


def results(layout: Layout, seed: int = 0) -> dict[str, Any]:
    folder = pretraining_folder(layout, "mpp", seed)
    history = pd.read_csv(folder.history, dtype=str).drop(columns="seconds")
    return {"weights": folder.best.read_bytes(), "history": history.to_csv()}


def pretrain_stopped_after_every_step(
    experiment: Experiment, settings: Pretraining, layout: Layout
) -> int:
    previous = signal.getsignal(signal.SIGTERM)

    def stop(*_: object) -> None:
        if signal.getsignal(signal.SIGTERM) is not previous:
            os.kill(os.getpid(), signal.SIGTERM)

    for attempt in range(50):
        handle = torch.nn.modules.module.register_module_forward_pre_hook(stop)
        try:
            pretrain(experiment, "mpp", settings, 0, layout)
            return attempt
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
    pretrain(experiment, "mpp", chosen, 0, whole)
    assert pretrain_stopped_after_every_step(experiment, chosen, stopped) >= 9
    assert results(stopped) == results(whole)
    events = journal.read(pretraining_folder(stopped, "mpp", 0).path / journal.NAME)
    assert [e.step for e in events if isinstance(e, Metrics)] == [1, 2]
    assert [e.status for e in events if isinstance(e, Status)][-1] == "FINISHED"


def test_it_is_a_function_of_its_seed_and_its_settings(
    prepare: Prepare, settings: dict[str, Any]
) -> None:
    experiment, layout = prepare()
    for seed in (0, 1):
        pretrain(experiment, "mpp", parsed(settings), seed, layout)
    assert results(layout, 0)["weights"] != results(layout, 1)["weights"]
    before = results(layout, 0)
    pretrain(experiment, "mpp", parsed(settings), 0, layout, fresh=True)
    assert results(layout, 0) == before
    pretrain(experiment, "mpp", parsed(settings, masked=0.5), 0, layout)
    assert results(layout, 0) != before, "other settings start again"


def test_a_seed_has_its_own_initial_weights(settings: dict[str, Any]) -> None:
    chosen = parsed(settings)
    variant = Variant(
        name="mpp",
        model=chosen.model,
        options=parse_options(chosen.model, chosen.options),
        image=chosen.image,
        training=chosen.training,
        resources=Resources(),
    )
    one, again, other = (
        build_masked_patches(variant, chosen, seed).state_dict() for seed in (0, 0, 1)
    )
    assert all(torch.equal(one[name], again[name]) for name in one)
    drawn = ("predict.weight", "mask_token", "vit.blocks.0.attention.qkv.weight")
    assert not any(torch.equal(one[name], other[name]) for name in drawn)


def test_the_folder_says_what_was_done(prepare: Prepare, settings: dict[str, Any]) -> None:
    experiment, layout = prepare()
    path = pretrain(experiment, "mpp", parsed(settings), 0, layout)
    assert path == layout.root / "pretraining/mpp/seed-0/weights.safetensors"
    record = read_json(path.parent / "run.json")
    assert record["images"] == 40 and record["config"]["pretraining"]["masked"] == 0.15
    history = pd.read_csv(path.parent / "history.csv")
    assert list(history["epoch"]) == [1, 2]
    assert history["loss"].iloc[1] < history["loss"].iloc[0]


def test_a_variant_of_the_zoo_starts_from_the_weights(
    prepare: Prepare, settings: dict[str, Any]
) -> None:
    experiment, layout = prepare()
    path = pretrain(experiment, "mpp", parsed(settings), 0, layout)
    weights = load_file(path)
    vit = build("vit_b16", Task(1, SIZE, 2), {**VIT, "weights": str(path)})
    loaded = vit.state_dict()
    assert loaded.keys() - weights.keys() == {"head.weight", "head.bias"}
    assert all(torch.equal(loaded[name], tensor) for name, tensor in weights.items())
    assert not bool(loaded["head.weight"].any()), "the head starts afresh"
    prepare.values["variants"] = {
        "vit": {"model": "vit_b16", **VIT, "weights": str(path), "training": {"epochs": 1}}
    }
    experiment, layout = prepare("finetuned")
    train(experiment, experiment.run("vit", 0), layout)
    assert layout.run("vit", 0).best.exists()


def test_weights_fit_a_variant_with_overlapping_patches_and_another_size(
    prepare: Prepare, settings: dict[str, Any]
) -> None:
    experiment, layout = prepare()
    path = pretrain(experiment, "mpp", parsed(settings), 0, layout)
    options = {**VIT, "weights": str(path), "stride": 8}
    assert build("vit_b16", Task(1, 112, 2), options)(torch.rand(1, 1, 112, 112)).shape == (1, 2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": "vit_b17"}, "Did you mean vit_b16"),
        ({"options": {"deep": 3}}, "has no option 'deep'"),
        ({"masked": 0}, "greater than 0"),
        ({"patient_pattern": "("}, "is no regular expression"),
        ({"patient_pattern": r"\d+"}, "needs one group"),
        ({"mask": 0.1}, "Extra inputs"),
    ],
)
def test_settings_that_make_no_sense_are_refused(
    settings: dict[str, Any], change: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        parsed(settings, **change)


def test_the_digest_changes_with_what_changes_the_weights(settings: dict[str, Any]) -> None:
    base = parsed(settings).digest(0)
    assert parsed(settings).digest(1) != base
    assert parsed(settings, masked=0.2).digest(0) != base
    assert parsed(settings, images=Path("folder")).digest(0) != base
    seeds = {**settings["training"], "seeds": [0, 1]}
    assert parsed(settings, training=seeds).digest(0) == base

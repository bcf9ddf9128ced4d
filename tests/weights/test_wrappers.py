"""However weights are wrapped they load: by a trainer, by parallel training, by an average, by a compiler."""

import argparse
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import nn
from torch.optim.swa_utils import AveragedModel
from transformers import ViTForImageClassification

from bakeoff.errors import ConfigError
from bakeoff.models.registry import Task, build
from tests.models.parity import images, randomise
from tests.weights.saved import COLOUR, GREY, SMALL, assert_same, half, loaded, timms, vit_config


class LightningModule(nn.Module):
    """The attributes that most of Lightning's modules have: the network, and the loss with its weights."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        self.loss = nn.CrossEntropyLoss(weight=torch.ones(2))


class Settings:
    """What a trainer keeps beside the weights: of a class that torch does not know."""


def lightning(model: nn.Module) -> dict[str, Any]:
    """The keys that a Lightning checkpoint has, hyperparameters of any class included."""
    settings = Settings()
    settings.rate = 0.1  # type: ignore[attr-defined]
    return {
        "epoch": 3,
        "global_step": 100,
        "pytorch-lightning_version": "2.5.0",
        "state_dict": LightningModule(model).state_dict(),
        "loops": {"fit_loop": {"state_dict": {}, "epoch_progress": {"total": {"ready": 3}}}},
        "callbacks": {"ModelCheckpoint": {"best_model_path": Path("a/b.ckpt")}},
        "optimizer_states": [{"state": {0: {"exp_avg": torch.zeros(3)}}}],
        "hyper_parameters": {"args": argparse.Namespace(lr=0.1), "settings": settings},
    }


WRAPPERS: dict[str, Callable[[nn.Module], Any]] = {
    "DataParallel": lambda m: nn.DataParallel(m).state_dict(),
    "Lightning": lightning,
    "compiled": lambda m: torch.compile(m).state_dict(),
    "compiled in Lightning": lambda m: lightning(torch.compile(m)),
    "averaged": lambda m: AveragedModel(m).state_dict(),
    "of a script": lambda m: {"net": nn.DataParallel(m).state_dict(), "acc": 0.9, "epoch": 3},
    "with arguments": lambda m: {"model": m.state_dict(), "args": argparse.Namespace(lr=0.1)},
    "an average alone": lambda m: {"state_dict_ema": m.state_dict()},
    "a counter among them": lambda m: {**m.state_dict(), "epoch": 3},
}


@pytest.mark.parametrize("wrap", WRAPPERS.values(), ids=WRAPPERS)
def test_wrapped_weights_load_as_they_would_unwrapped(
    tmp_path: Path, wrap: Callable[[nn.Module], Any]
) -> None:
    theirs = timms()
    torch.save(wrap(theirs), tmp_path / "w.ckpt")
    assert_same(loaded(tmp_path / "w.ckpt"), theirs(half()))


@pytest.mark.parametrize("wrap", WRAPPERS.values(), ids=WRAPPERS)
def test_so_do_transformers(tmp_path: Path, wrap: Callable[[nn.Module], Any]) -> None:
    theirs = randomise(ViTForImageClassification(vit_config()))
    torch.save(wrap(theirs), tmp_path / "w.pth")
    assert_same(loaded(tmp_path / "w.pth"), theirs(half()).logits)


@pytest.mark.parametrize("wrap", WRAPPERS.values(), ids=WRAPPERS)
def test_so_do_those_of_any_timm_model(tmp_path: Path, wrap: Callable[[nn.Module], Any]) -> None:
    theirs = randomise(timm.create_model("test_byobnet", num_classes=2))
    torch.save(wrap(theirs), tmp_path / "w.pth")
    ours = loaded(tmp_path / "w.pth", name="timm/test_byobnet")
    mean, spread = ours.normalise.mean, ours.normalise.spread
    assert_same(ours, theirs((images(COLOUR) - mean) / spread))


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("vit_b16", SMALL),
        ("convmixer_768_32", {"width": 8, "depth": 2}),
        ("poolformer_s12", {"width": 8, "depth": 6}),
        ("msht", {"base": 8, "width": 16, "heads": 2}),
        ("r50_vit_b16", {"base": 32, "depth": 1, "width": 48, "heads": 4}),
        ("timm/test_byobnet", {}),
    ],
)
def test_so_do_those_of_our_own_models(tmp_path: Path, name: str, options: dict[str, Any]) -> None:
    """Wrapped or not they see what they saw: nothing is normalised that was not."""
    task = Task(1, 56, 2) if name == "convmixer_768_32" else GREY
    trained = randomise(build(name, task, options))
    torch.save(lightning(trained), tmp_path / "w.ckpt")
    save_file(trained.state_dict(), tmp_path / "best.safetensors")
    for file in tmp_path.iterdir():
        ours = loaded(file, task, name, **options)
        torch.testing.assert_close(ours(images(task)), trained(images(task)), atol=1e-6, rtol=0)


@pytest.mark.parametrize("wrap", [WRAPPERS["Lightning"], WRAPPERS["with arguments"]])
def test_so_do_those_of_a_torch_of_long_ago(
    tmp_path: Path, wrap: Callable[[nn.Module], Any]
) -> None:
    theirs = timms()
    torch.save(wrap(theirs), tmp_path / "w.pth", _use_new_zipfile_serialization=False)
    assert_same(loaded(tmp_path / "w.pth"), theirs(half()))


def test_weights_beside_their_average_are_taken_and_not_the_average(tmp_path: Path) -> None:
    theirs, average = timms(), randomise(timms(), seed=1)
    content = {"state_dict_ema": average.state_dict(), "state_dict": theirs.state_dict()}
    torch.save(content, tmp_path / "w.pth.tar")
    assert_same(loaded(tmp_path / "w.pth.tar"), theirs(half()))
    joined = {f"ema_model.{k}": t for k, t in average.state_dict().items()}
    joined |= {f"model.{k}": t for k, t in theirs.state_dict().items()}
    save_file(joined, tmp_path / "w.safetensors")
    assert_same(loaded(tmp_path / "w.safetensors"), theirs(half()))


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_the_content_and_not_the_suffix_says_how_to_read(tmp_path: Path, suffix: str) -> None:
    theirs = timms()
    save_file(theirs.state_dict(), tmp_path / f"safe{suffix}")
    torch.save(theirs.state_dict(), tmp_path / f"torch{suffix}")
    torch.save(theirs.state_dict(), tmp_path / f"old{suffix}", _use_new_zipfile_serialization=False)
    for file in tmp_path.iterdir():
        assert_same(loaded(file), theirs(half()))


def test_mean_and_spread_in_the_header_stay_where_names_are_translated(tmp_path: Path) -> None:
    theirs = timms()
    stated = {"mean": "[0.1, 0.2, 0.3]", "std": "[1.0, 2.0, 3.0]"}
    save_file(nn.DataParallel(theirs).state_dict(), tmp_path / "w.safetensors", stated)
    mean, spread = (torch.tensor(v).view(1, 3, 1, 1) for v in ([0.1, 0.2, 0.3], [1.0, 2.0, 3.0]))
    assert_same(loaded(tmp_path / "w.safetensors"), theirs((images(COLOUR) - mean) / spread))


def test_a_run_that_loads_starts_from_the_same_random_state(tmp_path: Path) -> None:
    """What is drawn after the weights, a head of another size, is what it was before there was a reader."""
    torch.save(timms(outputs=5).state_dict(), tmp_path / "w.pth")
    options = {**SMALL, "prompts": 3, "weights": str(tmp_path / "w.pth")}
    torch.manual_seed(0)
    before = build("vpt_deep", GREY, options).state_dict()
    torch.manual_seed(0)
    after = loaded(tmp_path / "w.pth", GREY, "vpt_deep", prompts=3).state_dict()
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())


def test_another_number_of_classes_is_logged_and_the_classifier_starts_afresh(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    torch.save(nn.DataParallel(timms(outputs=1000)).state_dict(), tmp_path / "w.pth")
    assert not loaded(tmp_path / "w.pth").head.weight.any()
    (said,) = [r.message for r in caplog.records if "afresh" in r.message]
    assert said.startswith(f"{tmp_path / 'w.pth'}: its classifier (head.weight (1000, 48)")
    assert "head.weight (2, 48)" in said
    theirs = timm.create_model("test_byobnet", num_classes=7)
    torch.save(theirs.state_dict(), tmp_path / "t.pth")
    loaded(tmp_path / "t.pth", name="timm/test_byobnet")
    assert f"{tmp_path / 't.pth'}: its classifier (head.fc.weight (7, 256)" in caplog.text


def test_a_mean_that_transformers_states_beside_the_file_gives_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As for DINO and MAE, whose names are those of ViTs that expect another mean."""
    randomise(ViTForImageClassification(vit_config())).save_pretrained(tmp_path)
    beside = tmp_path / "preprocessor_config.json"
    beside.write_text(json.dumps({"image_mean": [0.5, 0.5, 0.5]}))
    loaded(tmp_path / "model.safetensors")
    assert "normalise" not in caplog.text
    beside.write_text(json.dumps({"image_mean": [0.485, 0.456, 0.406]}))
    loaded(tmp_path / "model.safetensors", normalise="imagenet")
    assert "normalise" not in caplog.text
    loaded(tmp_path / "model.safetensors")
    assert "has a mean of [0.485, 0.456, 0.406]" in caplog.text
    assert "Set 'normalise: imagenet'." in caplog.text


def test_weights_of_the_convmixer_that_was_published_with_relu_give_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    theirs = timm.models.ConvMixer(8, 2, kernel_size=7, patch_size=7, num_classes=2)
    torch.save(theirs.state_dict(), tmp_path / "w.pth")
    loaded(tmp_path / "w.pth", Task(3, 56, 2), "convmixer_768_32", width=8, depth=2)
    assert "'model: timm/convmixer_768_32' keeps what the weights mean" in caplog.text


def test_nothing_of_a_copy_stays_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    torch.save(nn.DataParallel(timms()).state_dict(), tmp_path / "w.pth")
    loaded(tmp_path / "w.pth")
    with pytest.raises(ConfigError):
        loaded(tmp_path / "w.pth", name="convmixer_768_32")
    assert not [*(tmp_path / "temporary").iterdir()]
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    with pytest.raises(ConfigError, match=r"w\.pth: its weights cannot be .*Set TMPDIR"):
        loaded(tmp_path / "w.pth")

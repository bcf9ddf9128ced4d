"""ConvMixer against timm with GELU: the difference is exactly zero."""

from pathlib import Path

import pytest
import timm
import torch
from torch import nn

from bakeoff.models.convmixer import NAMINGS
from bakeoff.models.normalisation import MEAN_AND_SPREAD, Normalise
from bakeoff.models.registry import Task, build
from tests.models.parity import difference, images, randomise

SMALL = {"width": 24, "depth": 3}


@pytest.mark.parametrize(
    ("name", "task", "parameters"),
    [
        ("convmixer_1536_20", Task(3, 224, 1000), 51_625_960),
        ("convmixer_768_32", Task(3, 224, 1000), 21_110_248),
        ("convmixer_768_32", Task(1, 224, 2), 20_267_522),
        ("convmixer_1024_20", Task(3, 224, 1000), 24_383_464),
    ],
)
def test_parameter_counts_are_the_published_ones(name: str, task: Task, parameters: int) -> None:
    with torch.device("meta"):
        model = build(name, task, {})
    assert sum(p.numel() for p in model.parameters()) == parameters


def timms(name: str, task: Task, activation: type[nn.Module] = nn.GELU) -> nn.Module:
    kernel_size, patch = {"convmixer_768_32": (7, 7), "convmixer_1024_20": (9, 14)}.get(
        name, (9, 7)
    )
    return randomise(
        timm.models.ConvMixer(
            24,
            3,
            kernel_size=kernel_size,
            patch_size=patch,
            in_chans=task.channels,
            num_classes=task.outputs,
            act_layer=activation,
        )
    )


@pytest.mark.parametrize("name", ["convmixer_1536_20", "convmixer_768_32", "convmixer_1024_20"])
@pytest.mark.parametrize("channels", [1, 3])
def test_it_is_timms(name: str, channels: int) -> None:
    task = Task(channels, 56, 5)
    theirs = timms(name, task)
    ours = build(name, task, SMALL).eval()
    ours.load_state_dict(NAMINGS[0].rename(theirs.state_dict()), strict=True)
    assert difference(ours, theirs, task, torch.float32) == 0
    relu = timms(name, task, nn.ReLU)
    assert difference(ours, relu, task, torch.float32) > 1e-3, "the gate must see the activation"


def test_its_weights_load_from_a_file(tmp_path: Path) -> None:
    theirs = timms("convmixer_768_32", Task(3, 56, 2))
    torch.save(theirs.state_dict(), tmp_path / "w.pth")
    options = {**SMALL, "weights": str(tmp_path / "w.pth")}
    ours = build("convmixer_768_32", Task(1, 56, 2), options).eval()
    x = images(Task(1, 56))
    normalised = Normalise(*MEAN_AND_SPREAD["imagenet"])(x)
    torch.testing.assert_close(ours(x), theirs(normalised), atol=1e-5, rtol=0)


def test_gradients_reach_every_weight_and_the_grid_keeps_its_size() -> None:
    model = build("convmixer_768_32", Task(1, 56, 2), SMALL)
    assert model.features(images(Task(1, 56))).shape == (2, 24, 8, 8)
    model(images(Task(1, 56))).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())

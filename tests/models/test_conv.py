"""The network of Lab 5, against the numbers of the seed."""

import pytest
import torch

from bakeoff.models.registry import Task, build
from tests.models.overfit import steps_to_learn


@pytest.mark.parametrize(
    ("name", "options", "parameters"),
    [
        ("conv", {}, 392_834),
        ("conv", {"norm": "batch"}, 393_826),
        ("conv_bn", {}, 393_826),
    ],
)
def test_parameter_counts_are_the_seeds(
    name: str, options: dict[str, str], parameters: int
) -> None:
    model = build(name, Task(channels=1, size=512, outputs=2), options)
    assert sum(p.numel() for p in model.parameters()) == parameters


@pytest.mark.parametrize("norm", ["none", "batch"])
def test_the_maps_are_those_of_the_seed_at_512_pixels(norm: str) -> None:
    model = build("conv", Task(), {"norm": norm}).eval()
    widths = []
    for layer in model.features:
        layer.register_forward_hook(
            lambda layer, _, out: (
                widths.append(out.shape[-1]) if isinstance(layer, torch.nn.Conv2d) else None
            )
        )
    logits = model(torch.zeros(2, 1, 512, 512))
    assert widths == [255, 127, 43, 15, 13]
    assert logits.shape == (2, 2)


def test_an_image_size_never_makes_more_rows() -> None:
    """The seed's `view(-1, 256)` would, were pooling not 1x1."""
    assert build("conv", Task(size=200), {}).eval()(torch.zeros(3, 1, 200, 200)).shape == (3, 2)


@pytest.mark.parametrize("name", ["timm/resnet10t", "timm/vit_tiny_patch16_224"])
def test_a_timm_model_takes_the_tasks_channels_size_and_outputs(name: str) -> None:
    model = build(name, Task(channels=1, size=64, outputs=2), {}).eval()
    assert model(torch.zeros(2, 1, 64, 64)).shape == (2, 2)


@pytest.mark.parametrize("name", ["conv", "conv_bn"])
def test_sixteen_images_are_learnt_by_heart(name: str) -> None:
    assert steps_to_learn(name, {}, size=80) > 0

"""R50+ViT against timm's, its ResNet included."""

from pathlib import Path

import pytest
import timm
import torch
from torch import nn

from bakeoff.models.bit_resnet import StandardisedConv2d
from bakeoff.models.hybrid import NAMINGS
from bakeoff.models.registry import Task, build
from tests.models.parity import FLOAT32, FLOAT64, difference, images, randomise

SMALL = {"depth": 2, "width": 96, "heads": 4}


def timms(reference: str, task: Task) -> nn.Module:
    with torch.device("meta"):  # its own initialisation would take longer than the test
        theirs = timm.create_model(
            reference,
            img_size=task.size,
            in_chans=task.channels,
            num_classes=task.outputs,
            depth=2,
            embed_dim=96,
            num_heads=4,
        )
    for block in theirs.blocks:  # so that its softmax is not the very kernel that ours calls
        block.attn.fused_attn = False
    return randomise(theirs.to_empty(device="cpu"))


@pytest.mark.parametrize(
    ("name", "parameters"), [("r50_vit_b16", 98_659_112), ("r50_vit_l32", 328_994_856)]
)
def test_parameter_counts_are_the_published_ones(name: str, parameters: int) -> None:
    with torch.device("meta"):
        model = build(name, Task(3, 224, 1000), {})
    assert sum(p.numel() for p in model.parameters()) == parameters


@pytest.mark.slow(seconds=2)
@pytest.mark.parametrize(
    ("name", "reference", "sizes"),
    [
        ("r50_vit_b32", "vit_large_r50_s32_224", {"embed_dim": 768, "depth": 12, "num_heads": 12}),
        ("r50_vit_l16", "vit_base_r50_s16_224", {"embed_dim": 1024, "depth": 24, "num_heads": 16}),
    ],
)
def test_the_two_that_timm_has_no_name_for_have_its_layers(
    name: str, reference: str, sizes: dict[str, int]
) -> None:
    with torch.device("meta"):
        ours = build(name, Task(3, 224, 1000), {})
        theirs = timm.create_model(reference, num_classes=1000, **sizes)
    shapes = {key: tensor.shape for key, tensor in ours.state_dict().items()}
    assert shapes == {k: t.shape for k, t in NAMINGS[0].rename(theirs.state_dict()).items()}


@pytest.mark.slow(seconds=3)
@pytest.mark.parametrize(
    ("name", "reference", "channels"),
    [("r50_vit_b16", "vit_base_r50_s16_224", 1), ("r50_vit_l32", "vit_large_r50_s32_224", 3)],
)
def test_it_is_timms(name: str, reference: str, channels: int) -> None:
    task = Task(channels, 64, 5)
    theirs = timms(reference, task)
    with torch.device("meta"):
        ours = build(name, task, SMALL).eval()
    ours.load_state_dict(NAMINGS[0].rename(theirs.state_dict()), strict=True, assign=True)
    assert difference(ours, theirs, task, torch.float64) < FLOAT64
    ours.embedding.patches.resnet.stages[0][0].norm1.eps = 1e-3
    assert difference(ours, theirs, task, torch.float64) > FLOAT64, (
        "the gate must see the group norm"
    )


@pytest.mark.parametrize(
    ("name", "size", "tokens"),
    [("r50_vit_b16", 64, 17), ("r50_vit_b32", 64, 5), ("r50_vit_b16", 72, 26)],
)
def test_the_maps_make_the_tokens(name: str, size: int, tokens: int) -> None:
    model = build(name, Task(1, size, 2), {**SMALL, "base": 32})
    assert model.tokens(images(Task(1, size))).shape == (2, tokens, 96)


def test_kernels_are_standardised() -> None:
    convolution = StandardisedConv2d(2, 4, 3).double()
    shifted = StandardisedConv2d(2, 4, 3).double()
    shifted.weight.data = 5 * convolution.weight.data + 3
    x = torch.rand(1, 2, 6, 6).double()
    torch.testing.assert_close(convolution(x), shifted(x), atol=1e-4, rtol=0)


@pytest.mark.slow(seconds=2)
def test_its_weights_load_from_a_file_and_gradients_reach_every_weight(tmp_path: Path) -> None:
    theirs = timms("vit_base_r50_s16_224", Task(3, 64, 2))
    torch.save(theirs.state_dict(), tmp_path / "w.pth")
    task = Task(1, 64, 2)
    ours = build("r50_vit_b16", task, {**SMALL, "weights": str(tmp_path / "w.pth")}).eval()
    x = images(task)
    right = theirs((x.repeat(1, 3, 1, 1) - 0.5) / 0.5)
    torch.testing.assert_close(ours(x), right, atol=FLOAT32, rtol=0)
    ours(x).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in ours.parameters())

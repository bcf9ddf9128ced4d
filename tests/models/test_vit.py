"""The Vision Transformer against timm and torchvision, at gates that its known mistakes fail."""

import pytest
import timm
import torch
import torchvision
from torch import nn

from bakeoff.models.registry import Task, build
from bakeoff.models.vision_transformer import VisionTransformer
from bakeoff.models.vit_weights import NAMINGS
from tests.models.parity import FLOAT32, FLOAT64, difference, images, randomise

TIMM, TORCHVISION = NAMINGS


def vit(name: str, task: Task, **options: int | str) -> VisionTransformer:
    model = build(name, task, options)
    assert isinstance(model, VisionTransformer)
    return model


def timms(name: str, task: Task, **options: int) -> nn.Module:
    with torch.device("meta"):  # its own initialisation would take longer than the test
        model = timm.create_model(
            name, img_size=task.size, in_chans=task.channels, num_classes=task.outputs, **options
        )
    for block in model.blocks:  # so that its softmax is not the very kernel that ours calls
        block.attn.fused_attn = False
    return randomise(model.to_empty(device="cpu"))


def ours_from(theirs: nn.Module, name: str, task: Task, **options: int) -> VisionTransformer:
    naming = TIMM if hasattr(theirs, "cls_token") else TORCHVISION
    with torch.device("meta"):
        model = vit(name, task, **options).eval()
    model.load_state_dict(naming.rename(theirs.state_dict()), strict=True, assign=True)
    return model


@pytest.mark.parametrize(
    ("name", "task", "parameters"),
    [
        ("vit_b16", Task(3, 224, 1000), 86_567_656),
        ("vit_b16", Task(1, 224, 2), 85_406_978),
        ("vit_b16", Task(1, 512, 2), 86_042_882),
        ("vit_b32", Task(3, 224, 1000), 88_224_232),
        ("vit_b32", Task(1, 224, 2), 85_883_906),
        ("vit_l16", Task(3, 224, 1000), 304_326_632),
        ("vit_l16", Task(1, 224, 2), 302_779_394),
        ("vit_l32", Task(3, 224, 1000), 306_535_400),
        ("vit_h14", Task(3, 224, 1000), 632_045_800),
    ],
)
def test_parameter_counts_are_the_published_ones(name: str, task: Task, parameters: int) -> None:
    with torch.device("meta"):
        model = build(name, task, {})
    assert sum(p.numel() for p in model.parameters()) == parameters


@pytest.mark.slow(seconds=7)
def test_b16_is_timms_and_its_known_mistakes_are_not() -> None:
    task = Task(3, 224, 1000)
    theirs = timms("vit_base_patch16_224", task)
    ours = ours_from(theirs, "vit_b16", task)
    x = images(task, 1)
    with torch.no_grad():
        assert (ours(x) - theirs(x)).abs().max() < FLOAT32

    with torch.no_grad():
        right = theirs(x)
        for norm in norms(ours):
            norm.eps = 1e-5
        assert (ours(x) - right).abs().max() > 10 * FLOAT32, "the gate must see LayerNorm's epsilon"
        for norm in norms(ours):
            norm.eps = 1e-6
        for block in ours.blocks:
            block.mlp.activation = nn.GELU(approximate="tanh")
        assert (ours(x) - right).abs().max() > 10 * FLOAT32, "the gate must see which GELU it is"
        for block in ours.blocks:
            block.mlp.activation = nn.GELU()
        ours.norm = nn.Identity()
        assert (ours(x) - right).abs().max() > 0.1, "the gate must see the last LayerNorm"


def norms(model: nn.Module) -> list[nn.LayerNorm]:
    return [module for module in model.modules() if isinstance(module, nn.LayerNorm)]


@pytest.mark.parametrize(("dtype", "gate"), [(torch.float32, FLOAT32), (torch.float64, FLOAT64)])
def test_b16_is_torchvisions(dtype: torch.dtype, gate: float) -> None:
    task = Task(3, 64, 1000)
    theirs = randomise(
        torchvision.models.VisionTransformer(
            image_size=64, patch_size=16, num_layers=2, num_heads=12, hidden_dim=768, mlp_dim=3072
        )
    )
    ours = ours_from(theirs, "vit_b16", task, depth=2)
    assert difference(ours, theirs, task, dtype) < gate


@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("vit_b16", "vit_base_patch16_224"),
        ("vit_b32", "vit_base_patch32_224"),
        ("vit_l16", "vit_large_patch16_224"),
        ("vit_l32", "vit_large_patch32_224"),
        ("vit_h14", "vit_huge_patch14_224"),
    ],
)
@pytest.mark.parametrize("channels", [1, 3])
def test_every_size_is_timms_in_double_precision(name: str, reference: str, channels: int) -> None:
    """One layer of the real width: what differs between the sizes is all there."""
    task = Task(channels, 56 if name == "vit_h14" else 64, 5)
    theirs = timms(reference, task, depth=1)
    ours = ours_from(theirs, name, task, depth=1)
    assert difference(ours, theirs, task, torch.float64) < FLOAT64


@pytest.mark.parametrize(
    ("mistake", "least"),
    [("epsilon", 1e-8), ("tanh", 1e-6), ("no norm", 1e-2), ("class token last", 1e-4)],
)
def test_the_double_precision_gate_sees_every_known_mistake(mistake: str, least: float) -> None:
    task = Task(1, 64, 5)
    theirs = timms("vit_base_patch16_224", task, depth=2)
    ours = ours_from(theirs, "vit_b16", task, depth=2)
    match mistake:
        case "epsilon":
            for norm in norms(ours):
                norm.eps = 1e-5
        case "tanh":
            for block in ours.blocks:
                block.mlp.activation = nn.GELU(approximate="tanh")
        case "no norm":
            ours.norm = nn.Identity()
        case "class token last":
            positions = ours.embedding.positions.data
            ours.embedding.positions.data = positions.roll(-1, dims=1)
    assert difference(ours, theirs, task, torch.float64) > max(least, 100 * FLOAT64)


SMALL = {"depth": 2, "width": 48, "heads": 4}


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("size", "patch", "stride", "tokens"), [(64, 16, None, 17), (64, 16, 8, 50), (70, 16, None, 17)]
)
def test_it_runs_at_any_size_with_overlapping_patches(
    channels: int, size: int, patch: int, stride: int | None, tokens: int
) -> None:
    task = Task(channels, size, 2)
    model = build("vit_b16", task, {**SMALL, "patch": patch, "stride": stride})
    assert model.tokens(images(task)).shape == (2, tokens, 48)
    assert model(images(task)).shape == (2, 2)


def test_an_image_of_another_size_gets_interpolated_positions() -> None:
    model = vit("vit_b16", Task(1, 64, 2), **SMALL).eval()
    assert model.tokens(images(Task(1, 96))).shape == (2, 37, 48)


def test_the_class_token_alone_decides_and_the_last_batch_may_be_smaller() -> None:
    task = Task(1, 64, 2)
    model = randomise(vit("vit_b16", task, **SMALL))
    logits = model(images(task, 3))
    torch.testing.assert_close(model(images(task, 3)[:1]), logits[:1])
    torch.testing.assert_close(model.head(model.tokens(images(task, 3))[:, 0]), logits)


def test_attention_maps_are_those_that_made_the_output() -> None:
    task = Task(1, 64, 2)
    model = randomise(vit("vit_b16", task, **SMALL)).double()
    x = images(task).double()
    maps, walked = model.attention_maps(x), model.walk(x)
    assert [tuple(a.shape) for a in maps] == [(2, 4, 17, 17)] * 2
    for block, weights, before, after in zip(model.blocks, maps, walked, walked[1:], strict=False):
        torch.testing.assert_close(weights.sum(-1), torch.ones(2, 4, 17).double())
        v = block.attention.qkv(block.norm1(before))[..., 96:].view(2, 17, 4, 12).transpose(1, 2)
        attended = block.attention.projection((weights @ v).transpose(1, 2).flatten(2)) + before
        torch.testing.assert_close(
            block.mlp(block.norm2(attended)) + attended, after, atol=1e-12, rtol=0
        )


def test_gradients_reach_every_weight() -> None:
    task = Task(1, 64, 2)
    model = randomise(vit("vit_b16", task, **SMALL)).train()
    model(images(task)).square().sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


def test_a_linear_probe_trains_the_head_alone_and_drops_nothing_elsewhere() -> None:
    task = Task(1, 64, 2)
    model = vit("vit_b16", task, **SMALL, dropout=0.5, attention_dropout=0.5, train="head").train()
    assert torch.equal(model.tokens(images(task)), model.tokens(images(task)))
    model(images(task)).sum().backward()
    trained = [name for name, p in model.named_parameters() if p.grad is not None]
    assert trained == ["head.weight", "head.bias"]
    with torch.device("meta"):
        probe = build("vit_b16", Task(1, 224, 2), {"train": "head"})
    assert sum(p.numel() for p in probe.parameters() if p.requires_grad) == 1_538


def test_it_starts_from_the_papers_weights() -> None:
    torch.manual_seed(0)
    model = vit("vit_b16", Task(1, 64, 2), depth=1, width=192, heads=3)
    q, k, v = model.blocks[0].attention.qkv.weight.chunk(3)
    for matrix in (q, k, v):  # Xavier-uniform of a square matrix: variance 1 / D
        assert matrix.var().item() == pytest.approx(1 / 192, rel=0.05)
    assert model.embedding.positions.std().item() == pytest.approx(0.02, rel=0.05)
    assert not model.head.weight.any() and not model.embedding.class_token.any()

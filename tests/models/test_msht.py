"""MSHT: its stages against torchvision's ResNet-50, its attention against torch's, its focus by hand."""

import logging
from pathlib import Path

import pytest
import torch
import torchvision
from torch import nn

from bakeoff.errors import ConfigError
from bakeoff.models.msht_decoder import GuidedAttention
from bakeoff.models.msht_focus import Focus, SimAM
from bakeoff.models.normalisation import MEAN_AND_SPREAD, Normalise
from bakeoff.models.registry import Task, build
from bakeoff.models.resnet import ResNetStages
from tests.models.parity import FLOAT64, images, randomise

SMALL = {"width": 32, "heads": 4, "base": 8}


@pytest.mark.parametrize(
    ("task", "parameters"),
    [
        (Task(3, 224, 2), 87_743_554),
        (Task(1, 224, 2), 87_743_554 - 6_272),
        (Task(3, 384, 2), 87_816_514),
    ],
)
def test_parameter_counts_are_the_authors(task: Task, parameters: int) -> None:
    with torch.device("meta"):
        model = build("msht", task, {})
    assert sum(p.numel() for p in model.parameters()) == parameters
    assert len(model.decoders) == 4
    assert {d.guided.heads for d in model.decoders} == {8}


@pytest.fixture(scope="module")
def resnet50() -> nn.Module:
    with torch.device("meta"):
        theirs = torchvision.models.resnet50()
    return randomise(theirs.to_empty(device="cpu")).double()


def stages_of(resnet: nn.Module, x: torch.Tensor) -> list[torch.Tensor]:
    maps = resnet.maxpool(resnet.relu(resnet.bn1(resnet.conv1(x))))
    stages = []
    for layer in (resnet.layer1, resnet.layer2, resnet.layer3, resnet.layer4):
        maps = layer(maps)
        stages.append(maps)
    return stages


def as_the_authors_have_it(resnet: nn.Module) -> None:
    """Turn torchvision's ResNet-50 into the authors': the stride forward, a ReLU after bn3."""
    for block in resnet.modules():
        if isinstance(block, torchvision.models.resnet.Bottleneck):
            block.conv1.stride, block.conv2.stride = block.conv2.stride, (1, 1)
            block.bn3 = nn.Sequential(block.bn3, nn.ReLU())


@pytest.mark.slow(seconds=2)
@torch.no_grad()
def test_the_stages_are_resnet_50s_or_the_authors_and_not_each_others(resnet50: nn.Module) -> None:
    x = images(Task(3, 64), 1).double()
    weights = {k: v for k, v in resnet50.state_dict().items() if not k.startswith("fc.")}
    plain, authors = (ResNetStages(3, blocks).double().eval() for blocks in ("resnet50", "authors"))
    plain.load_state_dict(weights, strict=True)
    authors.load_state_dict(weights, strict=True)
    right = stages_of(resnet50, x)
    for ours, theirs in zip(plain(x), right, strict=True):
        assert (ours - theirs).abs().max() <= FLOAT64 * theirs.abs().max()
    as_the_authors_have_it(resnet50)
    for ours, theirs, other in zip(authors(x), stages_of(resnet50, x), right, strict=True):
        assert (ours - theirs).abs().max() <= FLOAT64 * theirs.abs().max()
        assert (ours - other).abs().max() > 1e-2 * other.abs().max(), "the trap must show"


def test_guided_attention_is_torchs_attention_of_three_inputs() -> None:
    ours = randomise(GuidedAttention(24, 4, dropout=0.0))
    theirs = nn.MultiheadAttention(24, 4, batch_first=True).eval()
    projections = (ours.query, ours.key, ours.value)
    theirs.load_state_dict(
        {
            "in_proj_weight": torch.cat([p.weight for p in projections]),
            "in_proj_bias": torch.cat([p.bias for p in projections]),
            "out_proj.weight": ours.projection.weight,
            "out_proj.bias": ours.projection.bias,
        }
    )
    q, k, v = torch.randn(3, 2, 5, 24, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(ours(q, k, v), theirs(q, k, v)[0], atol=1e-6, rtol=0)


def test_simam_lets_through_what_stands_out() -> None:
    """One channel of 1, 1, 1, 5: mean 2, squares 1, 1, 1, 9, variance 12 / 3 = 4."""
    maps = torch.tensor([[[[1.0, 1.0], [1.0, 5.0]]]])
    near, far = 1 / (4 * 4.0001) + 0.5, 9 / (4 * 4.0001) + 0.5
    gates = torch.sigmoid(torch.tensor([[[[near, near], [near, far]]]]))
    torch.testing.assert_close(SimAM()(maps), maps * gates)


def test_gaze_keeps_what_is_prominent_and_glance_what_is_general() -> None:
    focus = Focus(1, 2, pool=2)
    focus.attention = nn.Identity()
    for projection in (focus.gaze_projection, focus.glance_projection):
        projection.weight.data = torch.tensor([1.0, 0.0]).view(2, 1, 1, 1)
        nn.init.zeros_(projection.bias)
    focus.norm_q = focus.norm_k = nn.Identity()
    maps = torch.arange(16.0).view(1, 1, 4, 4)
    q, k = focus(maps)
    assert q[0, :, 0].tolist() == [5, 7, 13, 15]
    assert k[0, :, 0].tolist() == [2.5, 4.5, 10.5, 12.5]


@pytest.mark.parametrize(("channels", "size"), [(1, 64), (3, 96)])
def test_it_runs_at_any_multiple_of_32_and_gradients_reach_what_counts(
    channels: int, size: int
) -> None:
    task = Task(channels, size, 2)
    model = build("msht", task, SMALL).train()
    nn.init.normal_(
        model.class_token
    )  # at its start, zero, it hides the weights it is multiplied with
    logits = model(images(task, 3))
    assert logits.shape == (3, 2)
    logits.square().sum().backward()
    still = {
        name
        for name, parameter in model.named_parameters()
        if parameter.grad is None or not parameter.grad.any()
    }
    # A bias on the keys shifts every score of a row alike, so softmax never sees it: its gradient
    # is rounding, or nothing.
    assert {n for n in still if not n.endswith("key.bias")} == set(NEVER_LOOKED_AT)


NEVER_LOOKED_AT = [
    f"focus.3.{name}.{kind}"
    for name in ("gaze_projection", "norm_q")
    for kind in ("weight", "bias")
]
"""The last gaze: it asks for the patch tokens, and after the last decoder only the class token counts.

It is the authors' design, and 1.6 M of their 87.7 M weights.
"""


def test_every_glance_and_all_but_the_last_gaze_guide_the_class_token() -> None:
    model = randomise(build("msht", Task(1, 64, 2), SMALL))
    before = model(images(Task(1, 64)))
    for name in ("gaze_projection", "glance_projection"):
        for stage, focus in enumerate(model.focus):
            weight = getattr(focus, name).weight
            kept = weight.data.clone()
            weight.data.mul_(-1)
            changed = not torch.equal(model(images(Task(1, 64))), before)
            assert changed is not (name == "gaze_projection" and stage == 3)
            weight.data = kept


def test_a_resnet_50s_weights_load_from_a_file(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    theirs = ResNetStages(3, "resnet50", base=8)
    state = {**randomise(theirs).state_dict(), "fc.weight": torch.zeros(1000, 256)}
    torch.save(state, tmp_path / "w.pth")
    options = {**SMALL, "weights": str(tmp_path / "w.pth")}
    with caplog.at_level(logging.WARNING):
        ours = build("msht", Task(1, 64, 2), {**options, "blocks": "resnet50"}).eval()
        assert not caplog.records
        build("msht", Task(1, 64, 2), options)
    assert "only a starting point" in caplog.text
    x = images(Task(1, 64))
    right = theirs(Normalise(*MEAN_AND_SPREAD["imagenet"])(x))
    for stage, maps in zip(ours.backbone(ours.normalise(x)), right, strict=True):
        torch.testing.assert_close(stage, maps)


@pytest.mark.parametrize("size", [32, 100])
def test_a_size_that_the_stages_cannot_halve_is_an_error(size: int) -> None:
    with pytest.raises(ConfigError, match=f"multiple of 32.*{size}"):
        build("msht", Task(1, size, 2), {})

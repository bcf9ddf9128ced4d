"""PoolFormer against timm, features first: timm's head pools before the last norm, the authors' after."""

from pathlib import Path

import pytest
import timm
import torch
from torch import nn

from bakeoff.errors import ConfigError
from bakeoff.models.normalisation import MEAN_AND_SPREAD, Normalise
from bakeoff.models.poolformer import NAMINGS, Block
from bakeoff.models.registry import Task, build
from tests.models.parity import images, randomise

TIMM, AUTHORS = NAMINGS
SIZES = ["poolformer_s12", "poolformer_s24", "poolformer_s36", "poolformer_m36", "poolformer_m48"]


@pytest.mark.parametrize(
    ("name", "task", "parameters"),
    [
        ("poolformer_s12", Task(3, 224, 1000), 11_915_176),
        ("poolformer_s12", Task(1, 224, 2), 11_396_930),
        ("poolformer_s24", Task(3, 224, 1000), 21_388_968),
        ("poolformer_s36", Task(3, 224, 1000), 30_862_760),
        ("poolformer_m36", Task(3, 224, 1000), 56_172_520),
        ("poolformer_m48", Task(3, 224, 1000), 73_473_448),
    ],
)
def test_parameter_counts_are_the_published_ones(name: str, task: Task, parameters: int) -> None:
    with torch.device("meta"):
        model = build(name, task, {})
    assert sum(p.numel() for p in model.parameters()) == parameters


def timms(name: str, task: Task) -> nn.Module:
    with torch.device("meta"):  # its own initialisation would take longer than the test
        theirs = timm.create_model(name, in_chans=task.channels, num_classes=task.outputs)
    randomise(theirs.to_empty(device="cpu"))
    with torch.no_grad():
        for key, parameter in theirs.named_parameters():
            if "layer_scale" in key:  # at its start, 1e-5, no difference would show
                parameter.fill_(0.5)
    return theirs


@pytest.mark.parametrize("name", SIZES)
def test_every_size_has_timms_layers_and_shapes(name: str) -> None:
    task = Task(3, 224, 1000)
    with torch.device("meta"):
        ours, theirs = build(name, task, {}), timm.create_model(name)
    shapes = {key: tensor.shape for key, tensor in ours.state_dict().items()}
    assert shapes == {k: t.shape for k, t in TIMM.rename(theirs.state_dict()).items()}


@pytest.mark.slow(seconds=2)
@pytest.mark.parametrize(("name", "channels"), [("poolformer_s12", 3), ("poolformer_m36", 1)])
def test_its_features_are_timms(name: str, channels: int) -> None:
    task = Task(channels, 64, 5)
    theirs = timms(name, task)
    with torch.device("meta"):
        ours = build(name, task, {}).eval()
    ours.load_state_dict(TIMM.rename(theirs.state_dict()), strict=True, assign=True)
    x = images(task, 1)
    with torch.no_grad():
        features, right = ours.features(x), theirs.forward_features(x)
        assert (features - right).abs().max() == 0
        ours.stages[0].blocks[0].mlp.activation = nn.GELU(approximate="tanh")
        assert (ours.features(x) - right).abs().max() > 1e-5, "the gate must see which GELU it is"
        # The heads are known to differ; put in timm's order, ours is theirs.
        ours.stages[0].blocks[0].mlp.activation = nn.GELU()
        assert (ours(x) - theirs(x)).abs().max() > 1e-3
        pooled = ours.norm(features.mean(dim=(2, 3), keepdim=True)).flatten(1)
        torch.testing.assert_close(ours.head(pooled), theirs(x), atol=1e-5, rtol=0)


def test_the_pooling_subtracts_its_input_and_ignores_what_is_beyond_the_edge() -> None:
    block = Block(1, pool=3, scale=1.0, drop_path=0.0).eval()
    nn.init.zeros_(block.mlp.contract.weight)
    x = torch.tensor([[[[1.0, 2.0], [3.0, 6.0]]]])
    normed = block.norm1(x)
    # In a 2 x 2 map every neighbourhood is the whole map, whose normalised mean is zero.
    torch.testing.assert_close(block(x), x - normed, atol=1e-6, rtol=0)


@pytest.mark.slow(seconds=2)
def test_the_authors_names_are_known(tmp_path: Path) -> None:
    """A file named as in the authors' repository, which timm's own key conversion also reads."""
    theirs = timms("poolformer_s12", Task(3, 64, 2))
    ours = build("poolformer_s12", Task(3, 64, 2), {}).eval()
    ours.load_state_dict(TIMM.rename(theirs.state_dict()), strict=True)
    authors = {as_the_authors(name): tensor for name, tensor in ours.state_dict().items()}
    filtered = timm.models.metaformer.checkpoint_filter_fn(authors, theirs)
    assert all(torch.equal(tensor, theirs.state_dict()[key]) for key, tensor in filtered.items())
    torch.save(authors, tmp_path / "w.pth.tar")
    options = {"weights": str(tmp_path / "w.pth.tar")}
    again = build("poolformer_s12", Task(3, 64, 2), options).eval()
    x = images(Task(3, 64))
    normalised = Normalise(*MEAN_AND_SPREAD["imagenet"])(x)
    torch.testing.assert_close(again(x), ours(normalised), atol=1e-6, rtol=0)


def as_the_authors(name: str) -> str:
    for stage in range(4):
        name = name.replace(f"stages.{stage}.blocks", f"network.{2 * stage}")
        embed = "patch_embed.proj" if stage == 0 else f"network.{2 * stage - 1}.proj"
        name = name.replace(f"stages.{stage}.embed", embed)
    for ours, theirs in (
        (".scale1", ".layer_scale_1"),
        (".scale2", ".layer_scale_2"),
        ("mlp.expand", "mlp.fc1"),
        ("mlp.contract", "mlp.fc2"),
    ):
        name = name.replace(ours, theirs)
    return name


@pytest.mark.parametrize(("channels", "size"), [(1, 64), (3, 64), (1, 100)])
def test_it_runs_at_any_size_and_gradients_reach_every_weight(channels: int, size: int) -> None:
    task = Task(channels, size, 2)
    model = build("poolformer_s12", task, {"depth": 6, "width": 16, "scale": 0.5})
    logits = model(images(task))
    assert logits.shape == (2, 2)
    logits.square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())


def test_blocks_are_dropped_the_more_often_the_deeper() -> None:
    with torch.device("meta"):
        model = build("poolformer_s12", Task(1, 64, 2), {"drop_path": 0.11})
    rates = [m.drop_path.drop_prob for m in model.modules() if isinstance(m, Block)]
    assert rates == pytest.approx([0.01 * i for i in range(12)])


def test_a_depth_that_cannot_be_shared_out_is_an_error() -> None:
    with pytest.raises(ConfigError, match="8 is not a multiple of 6"):
        build("poolformer_s12", Task(1, 64, 2), {"depth": 8})

"""timm's models as variants build them: fresh, as a linear probe, from whatever file."""

from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file

from bakeoff.errors import ConfigError
from bakeoff.models.normalisation import expected_of
from bakeoff.models.registry import Task, build
from tests.models.parity import images, randomise

SMALL = "test_byobnet"


def saved(name: str, file: Path) -> torch.nn.Module:
    """timm's model with random weights, which are also in the file."""
    network = randomise(timm.create_model(name))
    save_file(network.state_dict(), file)
    return network


def trained(model: torch.nn.Module) -> list[str]:
    return [name for name, parameter in model.named_parameters() if parameter.requires_grad]


def test_a_fresh_model_sees_the_images_as_they_are() -> None:
    model = build(f"timm/{SMALL}", Task(1, 64), {})
    assert expected_of(model) is None
    assert model.network.stem.conv.in_channels == 1
    assert len(trained(model)) == len(list(model.parameters()))


@pytest.mark.slow(seconds=2)
def test_a_file_is_not_taken_for_the_authors_own_format(tmp_path: Path) -> None:
    """timm says of augreg's weights that they need a loader of their own: that of the authors' .npz."""
    name, file = "vit_tiny_patch16_224.augreg_in21k", tmp_path / "w.safetensors"
    config = timm.get_pretrained_cfg(name)
    assert config is not None and config.custom_load
    theirs = saved(name, file)
    ours = build(f"timm/{name}", Task(1, 224, 2), {"weights": str(file), "train": "head"}).eval()
    x = images(Task(1, 224))
    right = theirs.forward_features((x.repeat(1, 3, 1, 1) - 0.5) / 0.5)
    torch.testing.assert_close(
        ours.network.forward_features(ours.normalise(x)), right, atol=1e-5, rtol=1e-5
    )
    assert trained(ours) == ["network.head.weight", "network.head.bias"]


def test_positions_are_resampled_to_the_size_of_the_images(tmp_path: Path) -> None:
    saved("test_vit", tmp_path / "w.safetensors")
    model = build("timm/test_vit", Task(1, 80), {"weights": str(tmp_path / "w.safetensors")})
    assert model(images(Task(1, 80))).shape == (2, 2)
    assert model.network.pos_embed.shape[1] == 1 + 5 * 5


def test_a_distilled_model_has_two_heads_and_both_are_the_probe(tmp_path: Path) -> None:
    name, file = "deit_tiny_distilled_patch16_224", tmp_path / "w.safetensors"
    saved(name, file)
    model = build(f"timm/{name}", Task(1, 80), {"weights": str(file), "train": "head"})
    heads = ("network.head.", "network.head_dist.")
    assert [n for n in trained(model) if not n.startswith(heads)] == []
    assert sum(p.numel() for p in model.parameters() if p.requires_grad) == 2 * (2 * 192 + 2)


@pytest.mark.slow(seconds=2)
def test_weights_that_were_published_without_a_head_get_one(tmp_path: Path) -> None:
    name, file = "vit_small_patch16_224.dino", tmp_path / "w.safetensors"
    saved(name, file)
    model = build(f"timm/{name}", Task(1, 64), {"weights": str(file), "train": "head"})
    assert model(images(Task(1, 64))).shape == (2, 2)
    assert trained(model) == ["network.head.weight", "network.head.bias"]


def test_a_model_of_ours_that_was_trained_on_grey_goes_on_with_grey(tmp_path: Path) -> None:
    before = randomise(build(f"timm/{SMALL}", Task(1, 64), {}))
    save_file(before.state_dict(), tmp_path / "best.safetensors")
    options = {"weights": str(tmp_path / "best.safetensors")}
    after = build(f"timm/{SMALL}", Task(1, 64), options).eval()
    x = images(Task(1, 64))
    assert torch.equal(after(x), before(x))
    with pytest.raises(
        ConfigError, match=r"take 1 colour\(s\), and 'normalise: imagenet' is for 3"
    ):
        build(f"timm/{SMALL}", Task(1, 64), {**options, "normalise": "imagenet"})


@pytest.mark.parametrize(("statistics", "mean"), [("none", 0.0), ("half", 0.5), ("auto", 0.485)])
def test_the_input_is_normalised_as_asked(tmp_path: Path, statistics: str, mean: float) -> None:
    saved(SMALL, tmp_path / "w.safetensors")
    options = {"weights": str(tmp_path / "w.safetensors"), "normalise": statistics}
    expected = expected_of(build(f"timm/{SMALL}", Task(1, 64), options))
    assert expected is not None and expected.mean[0] == mean and len(expected.mean) == 3

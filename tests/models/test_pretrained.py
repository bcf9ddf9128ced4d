"""Weights from a local file: loaded exactly, whoever saved them, and refused with a reason."""

import json
from pathlib import Path

import pytest
import timm
import torch
import torchvision
from safetensors.torch import save_file
from torch import nn

from bakeoff.errors import ConfigError
from bakeoff.models.normalisation import MEAN_AND_SPREAD, Normalise
from bakeoff.models.registry import Task, build
from tests.models.parity import images, randomise

SMALL = {"depth": 2, "width": 48, "heads": 4}
GREY, COLOUR = Task(1, 64, 2), Task(3, 64, 2)


def timms(size: int = 64, outputs: int = 2) -> nn.Module:
    return randomise(
        timm.create_model(
            "vit_base_patch16_224",
            img_size=size,
            num_classes=outputs,
            depth=2,
            embed_dim=48,
            num_heads=4,
        )
    )


def saved(module: nn.Module, file: Path, metadata: dict[str, str] | None = None) -> Path:
    if file.suffix == ".safetensors":
        save_file(module.state_dict(), file, metadata)
    else:
        torch.save({"state_dict": module.state_dict()}, file)
    return file


def loaded(task: Task, file: Path, **options: object) -> nn.Module:
    return build("vit_b16", task, {**SMALL, "weights": str(file), **options}).eval()


@pytest.mark.parametrize("name", ["weights.safetensors", "weights.pth"])
def test_timms_weights_give_timms_logits_on_normalised_images(tmp_path: Path, name: str) -> None:
    theirs = timms()
    ours = loaded(COLOUR, saved(theirs, tmp_path / name))
    x = images(COLOUR)
    torch.testing.assert_close(ours(x), theirs((x - 0.5) / 0.5), atol=1e-5, rtol=0)


def test_torchvisions_weights_give_torchvisions_logits(tmp_path: Path) -> None:
    theirs = torchvision.models.VisionTransformer(64, 16, 2, 4, 48, 192, num_classes=2)
    ours = loaded(COLOUR, saved(randomise(theirs), tmp_path / "weights.pth"))
    normalised = Normalise(*MEAN_AND_SPREAD["imagenet"])(images(COLOUR))
    torch.testing.assert_close(ours(images(COLOUR)), theirs(normalised), atol=1e-5, rtol=0)


def test_grey_is_repeated_so_that_every_colour_is_normalised_by_its_own(tmp_path: Path) -> None:
    """Summing the kernels, as timm's in_chans=1 does, is another network when the colours differ."""
    theirs = timms()
    ours = loaded(GREY, saved(theirs, tmp_path / "w.pth"), normalise="imagenet")
    x = images(GREY)
    mean, spread = (torch.tensor(v).view(1, 3, 1, 1) for v in MEAN_AND_SPREAD["imagenet"])
    right = theirs((x.repeat(1, 3, 1, 1) - mean) / spread)
    torch.testing.assert_close(ours(x), right, atol=1e-5, rtol=0)
    summed = timms()
    summed.patch_embed.proj.weight.data = summed.patch_embed.proj.weight.sum(1, keepdim=True)
    assert (summed((x - mean.mean()) / spread.mean()) - right).abs().max() > 1e-3


def test_a_header_that_states_mean_and_spread_is_believed(tmp_path: Path) -> None:
    theirs = timms()
    header = {"mean": json.dumps([0.1, 0.2, 0.3]), "std": json.dumps([1.0, 2.0, 3.0])}
    ours = loaded(COLOUR, saved(theirs, tmp_path / "w.safetensors", header))
    normalised = Normalise([0.1, 0.2, 0.3], [1.0, 2.0, 3.0])(images(COLOUR))
    torch.testing.assert_close(ours(images(COLOUR)), theirs(normalised), atol=1e-5, rtol=0)


def test_a_head_of_another_size_starts_afresh_and_all_else_is_loaded(tmp_path: Path) -> None:
    theirs = timms(outputs=1000)
    ours = loaded(COLOUR, saved(theirs, tmp_path / "w.pth"))
    features = theirs.forward_features((images(COLOUR) - 0.5) / 0.5)
    torch.testing.assert_close(ours.tokens(images(COLOUR)), features, atol=1e-5, rtol=0)
    assert not ours.head.weight.any()


def test_positions_are_interpolated_to_the_models_grid(tmp_path: Path) -> None:
    file = saved(timms(size=64), tmp_path / "w.pth")
    larger = timm.create_model(
        "vit_base_patch16_224", img_size=96, num_classes=2, depth=2, embed_dim=48, num_heads=4
    )
    filtered = timm.models.vision_transformer.checkpoint_filter_fn(timms(64).state_dict(), larger)
    larger.load_state_dict(filtered, strict=True)
    x = images(Task(3, 96))
    ours = loaded(Task(3, 96, 2), file)
    torch.testing.assert_close(ours(x), larger.eval()((x - 0.5) / 0.5), atol=1e-5, rtol=0)


def test_our_own_weights_load_without_normalisation(tmp_path: Path) -> None:
    trained = randomise(build("vit_b16", GREY, SMALL))
    ours = loaded(GREY, saved(trained, tmp_path / "best.safetensors"))
    torch.testing.assert_close(ours(images(GREY)), trained(images(GREY)), atol=0, rtol=0)


def test_weights_without_a_head_as_pretraining_leaves_them_load(tmp_path: Path) -> None:
    trained = randomise(build("vit_b16", GREY, SMALL))
    headless = {k: v for k, v in trained.state_dict().items() if not k.startswith("head.")}
    save_file(headless, tmp_path / "weights.safetensors")
    ours = loaded(GREY, tmp_path / "weights.safetensors")
    assert torch.equal(ours.tokens(images(GREY)), trained.tokens(images(GREY)))
    assert not ours.head.weight.any()


def test_what_is_saved_loads_back_into_the_same_model(tmp_path: Path) -> None:
    file = saved(timms(), tmp_path / "w.pth")
    ours = loaded(GREY, file)
    again = loaded(GREY, file)
    again.load_state_dict(randomise(ours).state_dict(), strict=True)
    assert torch.equal(ours(images(GREY)), again(images(GREY)))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "cannot be read as weights"),
        (b"not weights", "cannot be read as weights"),
        ({"a": torch.zeros(1)}, "weights of another model"),
        ({"a": 3}, "something else than tensors by name"),
    ],
)
def test_another_file_is_refused_by_name(tmp_path: Path, content: object, says: str) -> None:
    file = tmp_path / "w.pth"
    if isinstance(content, bytes):
        file.write_bytes(content)
    elif content is not None:
        torch.save(content, file)
    with pytest.raises(ConfigError, match=says) as error:
        loaded(GREY, file)
    assert str(file) in str(error.value)


def test_missing_and_surplus_weights_are_named(tmp_path: Path) -> None:
    state = timms().state_dict()
    state["surplus"] = state.pop("norm.weight")
    torch.save(state, tmp_path / "w.pth")
    with pytest.raises(ConfigError, match=r"(?s)norm\.weight.*surplus"):
        loaded(GREY, tmp_path / "w.pth")

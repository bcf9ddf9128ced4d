"""Weights of another size or another model are refused with what was found, expected, and to be set."""

from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision
from safetensors.torch import save_file
from transformers import ViTModel

from bakeoff.errors import ConfigError
from bakeoff.models.registry import Task, build
from tests.weights.saved import COLOUR, GREY, SMALL, loaded, timms, vit_config

CONVMIXER = {"width": 8, "depth": 2}


def saved(state: dict[str, Any], folder: Path) -> Path:
    torch.save(state, folder / "w.pth")
    return folder / "w.pth"


def refusal(file: Path, task: Task = COLOUR, name: str = "vit_b16", **options: Any) -> str:
    with pytest.raises(ConfigError) as error:
        loaded(file, task, name, **options)
    assert str(error.value).startswith(f"{file}: ") and "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(
    ("options", "name", "found", "expected", "to_set"),
    [
        ({"width": 96}, "embedding.class_token", (1, 1, 48), (1, 1, 96), "'width: 48'"),
        (
            {"patch": 8},
            "embedding.patches.projection.weight",
            (48, 3, 16, 16),
            (48, 3, 8, 8),
            "'patch: 16'",
        ),
    ],
)
def test_another_shape_is_named_with_the_option_that_mends_it(
    tmp_path: Path, options: dict[str, Any], name: str, found: Any, expected: Any, to_set: str
) -> None:
    said = refusal(saved(timms().state_dict(), tmp_path), **options)
    assert f"'{name}' is {found} in the file, and {expected} is expected" in said
    assert f"Set {to_set}" in said


@pytest.mark.parametrize(
    ("depth", "what"), [(3, "Missing: 'blocks.2."), (1, "Left over: 'blocks.1.")]
)
def test_another_depth_is_reported_as_such(tmp_path: Path, depth: int, what: str) -> None:
    said = refusal(saved(timms().state_dict(), tmp_path), depth=depth)
    assert what in said and said.endswith("Set 'depth: 2'.")


def test_the_model_of_the_files_size_is_named(tmp_path: Path) -> None:
    """ViT-Large's weights of transformers, without values, for a ViT-Base: prompts name a backbone."""
    with torch.device("meta"):
        large = ViTModel(
            vit_config(
                hidden_size=1024, num_hidden_layers=24, num_attention_heads=16, patch_size=32
            )
        )
    zero = torch.zeros(())
    state = {name: zero.expand(t.shape) for name, t in large.state_dict().items()}
    file = saved(state, tmp_path)
    sizes = {"depth": 12, "width": 768, "heads": 12}
    said = refusal(file, **sizes)
    assert "Set 'width: 1024', 'depth: 24', 'patch: 32'" in said
    assert said.endswith("or choose 'model: vit_l32', which is of that size.")
    said = refusal(file, name="vpt_deep", backbone="vit_b16", **dict.fromkeys(sizes))
    assert "choose 'backbone: vit_l32'" in said and "'patch: 32'" not in said


@pytest.mark.parametrize(
    ("name", "size", "right", "wrong", "to_set"),
    [
        ("convmixer_768_32", 56, CONVMIXER, {"width": 16}, "'width: 8'"),
        ("convmixer_768_32", 56, CONVMIXER, {"kernel_size": 9}, "'kernel_size: 7'"),
        ("convmixer_768_32", 56, CONVMIXER, {"patch": 14}, "'patch: 7'"),
        ("poolformer_s12", 64, {"width": 8, "depth": 6}, {"depth": 12}, "'depth: 6'"),
        ("poolformer_s12", 64, {"width": 8, "depth": 6}, {"width": 16}, "'width: 8'"),
        ("msht", 64, {"base": 8, "width": 16, "heads": 2}, {"base": 16}, "'base: 8'"),
        (
            "r50_vit_b16",
            64,
            {"base": 32, "depth": 1, "width": 48, "heads": 4},
            {"base": 64},
            "'base: 32'",
        ),
    ],
)
def test_so_it_is_for_every_model_with_sizes(
    tmp_path: Path, name: str, size: int, right: Any, wrong: Any, to_set: str
) -> None:
    trained = build(name, Task(1, size, 2), right)
    file = saved(trained.state_dict(), tmp_path)
    assert f"Set {to_set}" in refusal(file, Task(1, size, 2), name, **{**right, **wrong})


def test_positions_that_cannot_be_interpolated_say_the_image_size(tmp_path: Path) -> None:
    sizes = {"base": 8, "width": 16, "heads": 2}
    file = saved(build("msht", Task(1, 64, 2), sizes).state_dict(), tmp_path)
    assert "'image.size: 64'" in refusal(file, Task(1, 96, 2), "msht", **sizes)


def test_weights_of_another_model_are_reported_with_what_was_looked_for_and_what_is_there(
    tmp_path: Path,
) -> None:
    resnet = torchvision.models.resnet18().state_dict()
    said = refusal(saved(resnet, tmp_path))
    for sign in ("embedding.class_token", "cls_token", "conv_proj.weight", "embeddings.cls_token"):
        assert f"'{sign}'" in said
    assert "names begin with 'conv1.weight', 'bn1.weight'" in said
    assert "the names of a ResNet of torchvision or timm" in said
    vit = saved(timms().state_dict(), tmp_path)
    assert "a Vision Transformer of timm" in refusal(vit, name="convmixer_768_32", **CONVMIXER)
    assert "a Vision Transformer of timm" in refusal(vit, GREY, "msht")
    nothing = refusal(saved({"a": torch.zeros(1)}, tmp_path))
    assert "Nearest are the model's own names, by which 0 of " in nothing


def test_a_part_of_weights_in_parts_is_reported(tmp_path: Path) -> None:
    file = tmp_path / "model-00002-of-00003.safetensors"
    save_file({"layer.9.weight": torch.zeros(1)}, file)
    assert "It is part 2 of 3: join them first." in refusal(file)


def test_a_distilled_vit_is_another_architecture(tmp_path: Path) -> None:
    state = timms().state_dict() | {"dist_token": torch.zeros(1, 1, 48)}
    said = refusal(saved(state, tmp_path))
    assert "Left over: 'dist_token'" in said and "'model: timm/<name>'" in said


def test_timm_models_say_it_in_the_same_words(tmp_path: Path) -> None:
    file = saved(timms().state_dict(), tmp_path)
    said = refusal(file, name="timm/vit_tiny_patch16_224")
    assert "'cls_token' is (1, 1, 48) in the file, and (1, 1, 192) is expected" in said
    assert "Choose the 'timm/<name>'" in said
    said = refusal(file, name="timm/test_byobnet")
    assert "another model than 'timm/test_byobnet'" in said


def test_our_own_checkpoint_is_no_file_of_weights(tmp_path: Path) -> None:
    save_file({f"model/{k}": t for k, t in timms().state_dict().items()}, tmp_path / "last.ckpt")
    assert "Name the run's best.safetensors" in refusal(tmp_path / "last.ckpt", **SMALL)

"""Published weights give the outputs of the implementations that they are from, none of them written here."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
import torchvision
from safetensors.torch import save_file
from timm.models.convmixer import ConvMixer
from torch import Tensor, nn
from transformers import (
    PoolFormerConfig,
    PoolFormerForImageClassification,
    ResNetConfig,
    ResNetForImageClassification,
    ViTForImageClassification,
    ViTForMaskedImageModeling,
    ViTMAEConfig,
    ViTMAEForPreTraining,
    ViTModel,
)

from bakeoff.models.registry import Task
from bakeoff.weights.start import build_started
from tests.models.parity import images, randomise
from tests.weights.saved import (
    COLOUR,
    CONFIG,
    GREY,
    SMALL,
    assert_same,
    half,
    imagenet,
    loaded,
    timms,
    vit_config,
)

Save = Callable[[Any, Path], Path]


def published(model: Any, folder: Path) -> Path:
    """As on the hub: the names that transformers has written since its first version."""
    model.save_pretrained(folder)
    return folder / "model.safetensors"


def state_dict(model: Any, folder: Path) -> Path:
    """As a training script saves: the names of the classes of the installed transformers."""
    torch.save(model.state_dict(), folder / "w.pth")
    return folder / "w.pth"


@pytest.mark.parametrize("epsilon", [1e-6, 1e-12])
@pytest.mark.parametrize("save", [published, state_dict])
def test_a_vit_of_transformers_with_a_classifier(
    tmp_path: Path, save: Save, epsilon: float
) -> None:
    theirs = randomise(ViTForImageClassification(vit_config(layer_norm_eps=epsilon)))
    assert_same(loaded(save(theirs, tmp_path)), theirs(half()).logits)


@pytest.mark.parametrize("save", [published, state_dict])
@pytest.mark.parametrize("pooler", [True, False])
def test_a_vit_of_transformers_without_one(tmp_path: Path, save: Save, pooler: bool) -> None:
    theirs = randomise(ViTModel(vit_config(), add_pooling_layer=pooler))
    ours = loaded(save(theirs, tmp_path))
    tokens = theirs(half()).last_hidden_state
    torch.testing.assert_close(ours.tokens(images(COLOUR)), tokens, atol=1e-5, rtol=0)
    assert not ours.head.weight.any()


def test_a_vit_that_transformers_pretrained_on_hidden_patches(tmp_path: Path) -> None:
    theirs = randomise(ViTForMaskedImageModeling(vit_config()))
    tokens = theirs.vit(half()).last_hidden_state
    ours = loaded(published(theirs, tmp_path))
    torch.testing.assert_close(ours.tokens(images(COLOUR)), tokens, atol=1e-5, rtol=0)


def test_a_masked_autoencoder_of_transformers_its_decoder_left_out(tmp_path: Path) -> None:
    sizes = {"decoder_num_hidden_layers": 1, "decoder_hidden_size": 32}
    config = ViTMAEConfig(
        **CONFIG,
        **sizes,
        decoder_num_attention_heads=2,
        decoder_intermediate_size=64,
        mask_ratio=0.0,
        layer_norm_eps=1e-6,
    )
    theirs = randomise(ViTMAEForPreTraining(config))
    seen = theirs.vit(half(), noise=torch.arange(16.0).repeat(2, 1)).last_hidden_state
    ours = loaded(published(theirs, tmp_path))
    torch.testing.assert_close(ours.tokens(images(COLOUR)), seen, atol=1e-5, rtol=0)


def test_a_vit_of_transformers_in_timms_vit(tmp_path: Path) -> None:
    theirs = randomise(
        ViTForImageClassification(
            vit_config(3, hidden_size=192, num_attention_heads=3, intermediate_size=768)
        )
    )
    file = published(theirs, tmp_path)
    with pytest.MonkeyPatch.context() as patch:  # of its 12 layers 2 are enough
        short = timm.models.vision_transformer.VisionTransformer
        patch.setattr(
            timm.models.vision_transformer,
            "VisionTransformer",
            lambda **options: short(**{**options, "depth": 2}),
        )
        ours = build_started(
            "timm/vit_tiny_patch16_224", Task(3, 64, 3), {"weights": str(file)}
        ).eval()
    assert_same(ours, theirs(half()).logits)


@pytest.mark.parametrize("prefix", ["", "params/", "opt/target/"])
def test_a_vit_as_its_authors_save_it(tmp_path: Path, prefix: str) -> None:
    """timm's own reader of such files is the reference."""
    theirs = timms()
    np.savez(tmp_path / "w.npz", **{prefix + k: v for k, v in jax_vit(theirs).items()})
    fresh = timms(outputs=2)
    nn.init.zeros_(fresh.pos_embed)
    np.savez(tmp_path / "plain.npz", **jax_vit(theirs))
    fresh.load_pretrained(str(tmp_path / "plain.npz"))
    assert_same(loaded(tmp_path / "w.npz"), fresh(half()))


@pytest.mark.slow(seconds=3)
def test_a_hybrid_as_its_authors_save_it(tmp_path: Path) -> None:
    theirs = timm.create_model(
        "vit_base_r50_s16_224", img_size=64, num_classes=2, depth=1, embed_dim=48, num_heads=4
    )
    shapes = {name: tensor.numpy() for name, tensor in randomise(theirs).state_dict().items()}
    arrays = jax_vit(theirs, blocks=1)
    root = "patch_embed.backbone"
    arrays["conv_root/kernel"] = shapes[f"{root}.stem.conv.weight"].transpose(2, 3, 1, 0)
    arrays |= group_norm("gn_root", shapes, f"{root}.stem.norm")
    for stage, depth in enumerate((3, 4, 9)):
        for block in range(depth):
            ours, unit = (
                f"{root}.stages.{stage}.blocks.{block}",
                f"block{stage + 1}/unit{block + 1}",
            )
            for layer in (1, 2, 3):
                kernel = shapes[f"{ours}.conv{layer}.weight"].transpose(2, 3, 1, 0)
                arrays[f"{unit}/conv{layer}/kernel"] = kernel
                arrays |= group_norm(f"{unit}/gn{layer}", shapes, f"{ours}.norm{layer}")
            if not block:
                kernel = shapes[f"{ours}.downsample.conv.weight"].transpose(2, 3, 1, 0)
                arrays[f"{unit}/conv_proj/kernel"] = kernel
                arrays |= group_norm(f"{unit}/gn_proj", shapes, f"{ours}.downsample.norm")
    np.savez(tmp_path / "w.npz", **arrays)
    randomise(theirs, seed=1)
    theirs.load_pretrained(str(tmp_path / "w.npz"))
    ours = loaded(tmp_path / "w.npz", name="r50_vit_b16", depth=1, width=48, heads=4)
    assert_same(ours, theirs(half()))


def group_norm(name: str, shapes: dict[str, Any], theirs: str) -> dict[str, Any]:
    scale, bias = shapes[f"{theirs}.weight"], shapes[f"{theirs}.bias"]
    return {f"{name}/scale": scale[None, None, None], f"{name}/bias": bias[None, None, None]}


def jax_vit(theirs: nn.Module, blocks: int = 2, heads: int = 4) -> dict[str, Any]:
    """Arrays of the shapes that JAX's ViT has, with values of timm's."""
    own = {name: tensor.numpy() for name, tensor in theirs.state_dict().items()}
    width = own["cls_token"].shape[-1]
    arrays = {
        "cls": own["cls_token"],
        "embedding/kernel": own["patch_embed.proj.weight"].transpose(2, 3, 1, 0),
        "embedding/bias": own["patch_embed.proj.bias"],
        "Transformer/posembed_input/pos_embedding": own["pos_embed"],
        "Transformer/encoder_norm/scale": own["norm.weight"],
        "Transformer/encoder_norm/bias": own["norm.bias"],
        "head/kernel": own["head.weight"].T,
        "head/bias": own["head.bias"],
        "pre_logits/kernel": np.zeros((width, width), np.float32),
        "pre_logits/bias": np.zeros(width, np.float32),
    }
    for index in range(blocks):
        block, ours = f"Transformer/encoderblock_{index}", f"blocks.{index}"
        for theirs_norm, norm in (("LayerNorm_0", "norm1"), ("LayerNorm_2", "norm2")):
            arrays[f"{block}/{theirs_norm}/scale"] = own[f"{ours}.{norm}.weight"]
            arrays[f"{block}/{theirs_norm}/bias"] = own[f"{ours}.{norm}.bias"]
        attention = f"{block}/MultiHeadDotProductAttention_1"
        parts = zip(
            ("query", "key", "value"),
            np.split(own[f"{ours}.attn.qkv.weight"], 3),
            np.split(own[f"{ours}.attn.qkv.bias"], 3),
            strict=True,
        )
        for part, weight, bias in parts:
            arrays[f"{attention}/{part}/kernel"] = weight.T.reshape(width, heads, width // heads)
            arrays[f"{attention}/{part}/bias"] = bias.reshape(heads, width // heads)
        out = own[f"{ours}.attn.proj.weight"].T
        arrays[f"{attention}/out/kernel"] = out.reshape(heads, width // heads, width)
        arrays[f"{attention}/out/bias"] = own[f"{ours}.attn.proj.bias"]
        for dense, layer in (("Dense_0", "fc1"), ("Dense_1", "fc2")):
            arrays[f"{block}/MlpBlock_3/{dense}/kernel"] = own[f"{ours}.mlp.{layer}.weight"].T
            arrays[f"{block}/MlpBlock_3/{dense}/bias"] = own[f"{ours}.mlp.{layer}.bias"]
    return arrays


def renumbered(state: dict[str, Tensor], depth: int) -> dict[str, Tensor]:
    """timm's names as those of the authors' release, one Sequential whose layers have numbers."""
    stem, pooling = 3, 2  # layers before the blocks; without weights, between them and the head
    found = {}
    for name, weight in state.items():
        part, _, rest = name.partition(".")
        if part == "blocks":
            index, _, rest = rest.partition(".")
            rest = f"{stem + int(index)}.{rest}"
        elif part == "head":
            rest = f"{stem + depth + pooling}.{rest}"
        found[rest] = weight
    return found


@pytest.mark.parametrize("wrapped", [True, False])
def test_a_convmixer_of_its_authors(tmp_path: Path, wrapped: bool) -> None:
    theirs = randomise(ConvMixer(24, 3, kernel_size=9, patch_size=7, num_classes=2))
    weights = renumbered(theirs.state_dict(), depth=3)
    torch.save({"state_dict": weights} if wrapped else weights, tmp_path / "w.pth.tar")
    task = Task(3, 56, 2)
    ours = loaded(tmp_path / "w.pth.tar", task, "convmixer_1536_20", width=24, depth=3)
    assert_same(ours, theirs(imagenet(task)), task)


def test_a_poolformer_of_transformers(tmp_path: Path) -> None:
    sizes = {"hidden_sizes": [16, 32, 80, 128], "depths": [1, 1, 3, 1], "num_labels": 2}
    theirs = randomise(PoolFormerForImageClassification(PoolFormerConfig(**sizes)))
    ours = loaded(published(theirs, tmp_path), COLOUR, "poolformer_s12", width=16, depth=6)
    assert_same(ours, theirs(imagenet()).logits)


def test_a_resnet_of_transformers_below_msht(tmp_path: Path) -> None:
    sizes = {"embedding_size": 8, "hidden_sizes": [32, 64, 128, 256], "depths": [3, 4, 6, 3]}
    theirs = randomise(ResNetForImageClassification(ResNetConfig(**sizes, num_labels=2)))
    sized = {"base": 8, "width": 32, "heads": 4, "blocks": "resnet50"}
    ours = loaded(published(theirs, tmp_path), COLOUR, "msht", **sized)
    right = theirs(imagenet(), output_hidden_states=True).hidden_states[1:]
    for found, expected in zip(ours.backbone(ours.normalise(images(COLOUR))), right, strict=True):
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.slow(seconds=2)
def test_a_resnet_of_transformers_in_timms_resnet(tmp_path: Path) -> None:
    """timm's tag of that name expects ImageNet's mean and spread."""
    sizes = {"hidden_sizes": [64, 128, 256, 512], "depths": [2, 2, 2, 2], "layer_type": "basic"}
    theirs = randomise(ResNetForImageClassification(ResNetConfig(**sizes, num_labels=2)))
    ours = loaded(published(theirs, tmp_path), COLOUR, "timm/resnet18")
    torch.testing.assert_close(
        ours(images(COLOUR)), theirs(imagenet()).logits, atol=1e-5, rtol=1e-5
    )


def test_a_masked_autoencoder_of_its_authors(tmp_path: Path) -> None:
    """timm's names below `model`, without a classifier, with a decoder beside."""
    theirs = timms(outputs=0)
    extra = {"mask_token": torch.zeros(1, 1, 32), "decoder_embed.weight": torch.zeros(32, 48)}
    torch.save({"model": {**theirs.state_dict(), **extra}}, tmp_path / "w.pth")
    ours = loaded(tmp_path / "w.pth", normalise="imagenet")
    tokens = theirs.forward_features(imagenet())
    torch.testing.assert_close(ours.tokens(images(COLOUR)), tokens, atol=1e-5, rtol=0)


def test_a_student_and_its_teacher_of_whom_the_teacher_counts(tmp_path: Path) -> None:
    """As DINO's training saves: both behind a prefix, with a projection head and settings beside."""
    student, teacher = timms(outputs=0), randomise(timms(outputs=0), seed=1)
    projection = {"head.mlp.0.weight": torch.zeros(8, 48), "head.last_layer.weight": torch.zeros(8)}
    torch.save(
        {
            "student": behind("module.backbone.", student) | projection,
            "teacher": behind("backbone.", teacher) | projection,
            "epoch": 3,
        },
        tmp_path / "w.pth",
    )
    tokens = teacher.forward_features(half())
    ours = loaded(tmp_path / "w.pth").tokens(images(COLOUR))
    torch.testing.assert_close(ours, tokens, atol=1e-5, rtol=0)


def behind(prefix: str, module: nn.Module) -> dict[str, Tensor]:
    return {prefix + name: tensor for name, tensor in module.state_dict().items()}


@pytest.mark.parametrize("library", ["timm", "torchvision"])
def test_what_a_model_reads_by_itself_is_left_to_it(tmp_path: Path, library: str) -> None:
    theirs: nn.Module = timms()
    if library == "torchvision":
        theirs = torchvision.models.VisionTransformer(64, 16, 2, 4, 48, 192, num_classes=2)
        randomise(theirs)
    save_file(theirs.state_dict(), tmp_path / "w.safetensors")
    assert_same(
        loaded(tmp_path / "w.safetensors"), theirs(half() if library == "timm" else imagenet())
    )


@pytest.mark.parametrize("name", ["vpt_deep", "si_vit"])
def test_models_around_a_vit_load_what_it_loads(tmp_path: Path, name: str) -> None:
    theirs = randomise(ViTModel(vit_config()))
    ours = loaded(published(theirs, tmp_path), name=name)
    vit = ours.backbone if name == "vpt_deep" else ours.vit
    tokens = theirs(half()).last_hidden_state
    torch.testing.assert_close(vit.tokens(images(COLOUR)), tokens, atol=1e-5, rtol=0)


def test_a_run_of_a_model_around_a_vit_is_where_a_vit_may_start(tmp_path: Path) -> None:
    trained = build_started("si_vit", GREY, SMALL)
    save_file(randomise(trained).state_dict(), tmp_path / "best.safetensors")
    ours = loaded(tmp_path / "best.safetensors", GREY)
    assert torch.equal(ours(images(GREY)), trained(images(GREY)))


def test_positions_of_another_image_size_are_interpolated_as_transformers_are_not(
    tmp_path: Path,
) -> None:
    """By timm's rule, whatever library the weights are from; the reference is timm's own conversion."""
    theirs = randomise(ViTForImageClassification(vit_config()))
    ours = loaded(published(theirs, tmp_path), Task(3, 96, 2))
    larger = timms(size=96)
    named = timms().state_dict()
    for name, tensor in zip(named, renamed(theirs), strict=True):
        named[name] = tensor
    filtered = timm.models.vision_transformer.checkpoint_filter_fn(named, larger)
    larger.load_state_dict(filtered, strict=True)
    assert_same(ours, larger(half(Task(3, 96))), Task(3, 96))


def renamed(theirs: Any) -> list[Tensor]:
    """The tensors of transformers' ViT in the order of timm's names."""
    vit = theirs.vit
    patches = vit.embeddings.patch_embeddings.projection
    found = [vit.embeddings.cls_token, vit.embeddings.position_embeddings]
    found += [patches.weight, patches.bias]
    for layer in vit.layers:
        parts = [layer.attention.q_proj, layer.attention.k_proj, layer.attention.v_proj]
        found += [layer.layernorm_before.weight, layer.layernorm_before.bias]
        found += [torch.cat([p.weight for p in parts]), torch.cat([p.bias for p in parts])]
        found += [*layer.attention.o_proj.parameters(), *layer.layernorm_after.parameters()]
        found += [*layer.mlp.fc1.parameters(), *layer.mlp.fc2.parameters()]
    return [*found, *vit.layernorm.parameters(), *theirs.classifier.parameters()]

"""What the tests of weights share: a small Vision Transformer of each library, and how a model loads it."""

from pathlib import Path
from typing import Any

import timm
import torch
from torch import Tensor, nn
from transformers import ViTConfig

from bakeoff.models.normalisation import MEAN_AND_SPREAD, Normalise
from bakeoff.models.registry import Task
from bakeoff.weights.start import build_started
from tests.models.parity import images, randomise

COLOUR, GREY = Task(3, 64, 2), Task(1, 64, 2)
SMALL = {"depth": 2, "width": 48, "heads": 4}
CONFIG = {
    "hidden_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 192,
    "image_size": 64,
}


def timms(outputs: int = 2, size: int = 64, **options: Any) -> nn.Module:
    """timm's ViT with the sizes of SMALL."""
    sizes = {"depth": 2, "embed_dim": 48, "num_heads": 4, **options}
    name = "vit_base_patch16_224"
    return randomise(timm.create_model(name, img_size=size, num_classes=outputs, **sizes))


def vit_config(outputs: int = 2, **options: Any) -> ViTConfig:
    """The same of transformers, with the epsilon of ViT's authors; its own default is 1e-12."""
    return ViTConfig(**{**CONFIG, "num_labels": outputs, "layer_norm_eps": 1e-6, **options})


def loaded(file: Path, task: Task = COLOUR, name: str = "vit_b16", **options: Any) -> nn.Module:
    """A model of the zoo with the weights of a file."""
    sizes = SMALL if name in ("vit_b16", "vpt_deep", "si_vit") else {}
    return build_started(name, task, {**sizes, **options, "weights": str(file)}).eval()


def half(task: Task = COLOUR) -> Tensor:
    """The tests' images as weights of the ViT's authors expect them."""
    return (images(task) - 0.5) / 0.5


def imagenet(task: Task = COLOUR) -> Tensor:
    """The tests' images as weights trained on ImageNet expect them."""
    normalised: Tensor = Normalise(*MEAN_AND_SPREAD["imagenet"])(images(task))
    return normalised


def assert_same(ours: nn.Module, theirs: Tensor, task: Task = COLOUR) -> None:
    """Within what single precision leaves, on images that are not normalised yet."""
    with torch.no_grad():
        torch.testing.assert_close(ours(images(task)), theirs, atol=1e-5, rtol=0)

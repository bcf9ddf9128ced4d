"""The names and shapes of the weights that a model can load, on torch's meta device."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from bakeoff.models import convmixer, hybrid, msht, poolformer, vit_weights
from bakeoff.models.pretrained import Naming
from bakeoff.models.registry import Task, build
from bakeoff.models.si_vit import ShuffledInstanceViT
from bakeoff.models.timm_classifier import OURS, TimmClassifier
from bakeoff.models.vision_transformer import VisionTransformer
from bakeoff.models.vpt import PromptedTransformer
from bakeoff.weights import namings
from bakeoff.weights.namings import Published

Sizes = Mapping[str, Callable[[Mapping[str, Tensor]], int]]
"""By option of the model, the function that reads its value from a file's tensors."""


@dataclass(frozen=True)
class Target:
    """A network that weights may be loaded into, in our names."""

    wanted: dict[str, Tensor]  # on the meta device
    namings: tuple[Naming, ...]  # that its model reads besides its own names
    published: tuple[Published, ...]  # that can be translated to one of them
    first: str = ""  # the convolution that sees the colours
    heads: tuple[str, ...] = ("head",)  # layers that start afresh where they do not fit
    sizes: Sizes | None = None  # None: timm's own loading decides what fits

    def body(self) -> set[str]:
        """The names that a file must have."""
        return {name for name in self.wanted if not name.startswith(self.heads)}


def targets_of(name: str, task: Task, options: Mapping[str, Any]) -> list[Target]:
    """The networks of the model `name` that a file may be of; the random state stays as it is."""
    model = _empty(name, task, {**options, "weights": None})
    match model:
        case PromptedTransformer():
            return [_vit(model.backbone)]
        case ShuffledInstanceViT():
            return [_vit(model.vit)]
        case VisionTransformer():
            return [_vit(model)]
        case convmixer.ConvMixer():
            known = (namings.CONVMIXER,)
            first = "patches.convolution"
            return [Target(model.state_dict(), convmixer.NAMINGS, known, first, sizes=CONVMIXER)]
        case poolformer.PoolFormer():
            known = (namings.TRANSFORMERS_POOLFORMER,)
            first = "stages.0.embed"
            return [Target(model.state_dict(), poolformer.NAMINGS, known, first, sizes=POOLFORMER)]
        case msht.MSHT():
            known = (namings.TRANSFORMERS_RESNET,)
            stages = model.backbone.state_dict()
            return [
                Target(model.state_dict(), (), (), "backbone.conv1", sizes=MSHT),
                Target(stages, msht.NAMINGS, known, "conv1", ("fc.",), sizes=MSHT_BACKBONE),
            ]
        case TimmClassifier():
            heads = _classifiers(model.network)
            ours = tuple(
                f"{OURS}{head}" for head in heads
            )  # these take images that are normalised already
            return [
                Target(model.state_dict(), (), (), heads=ours),
                Target(model.network.state_dict(), (), namings.EVERY, heads=heads),
            ]
    raise TypeError(f"model '{name}' takes no weights")


def _empty(name: str, task: Task, options: Mapping[str, Any]) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        try:
            with torch.device("meta"):
                return build(name, task, options)
        except (
            RuntimeError,
            NotImplementedError,
        ):  # some of timm's models compute while they are built
            with torch.device("cpu"):
                return build(name, task, options)


def _vit(model: VisionTransformer) -> Target:
    if isinstance(model.embedding.patches, hybrid.ResNetPatches):
        first, sizes = "embedding.patches.resnet.stem", VIT | HYBRID
        return Target(model.state_dict(), hybrid.NAMINGS, namings.VIT, first, sizes=sizes)
    first = "embedding.patches.projection"
    sizes = VIT | {"patch": lambda t: t[f"{first}.weight"].shape[-1]}
    return Target(model.state_dict(), vit_weights.NAMINGS, namings.VIT, first, sizes=sizes)


def _classifiers(network: nn.Module) -> tuple[str, ...]:
    config: Any = network
    named = config.pretrained_cfg.get("classifier") or ()
    return tuple(f"{name}." for name in ((named,) if isinstance(named, str) else named))


def _count(pattern: str) -> Callable[[Mapping[str, Tensor]], int]:
    """How many different beginnings of names match."""
    return lambda tensors: len({m[0] for name in tensors if (m := re.match(pattern, name))})


VIT: dict[str, Callable[[Mapping[str, Tensor]], int]] = {
    "width": lambda t: t["embedding.class_token"].shape[-1],
    "depth": _count(r"blocks\.\d+\."),
}
HYBRID: dict[str, Callable[[Mapping[str, Tensor]], int]] = {
    "base": lambda t: t["embedding.patches.resnet.stem.weight"].shape[0]
}
CONVMIXER: Sizes = {
    "width": lambda t: t["patches.convolution.weight"].shape[0],
    "depth": _count(r"blocks\.\d+\."),
    "kernel_size": lambda t: t["blocks.0.spatial.convolution.weight"].shape[-1],
    "patch": lambda t: t["patches.convolution.weight"].shape[-1],
}
POOLFORMER: Sizes = {
    "width": lambda t: t["stages.0.embed.weight"].shape[0],
    "depth": _count(r"stages\.\d+\.blocks\.\d+\."),
}
MSHT: Sizes = {
    "base": lambda t: t["backbone.conv1.weight"].shape[0],
    "width": lambda t: t["class_token"].shape[-1],
}
MSHT_BACKBONE: Sizes = {"base": lambda t: t["conv1.weight"].shape[0]}

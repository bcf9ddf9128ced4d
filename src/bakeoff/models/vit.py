"""The Vision Transformers of Table 1 of arXiv 2010.11929: Base, Large and Huge, by patch size."""

from typing import Literal

from torch import nn

from bakeoff.models.fit import patches_and_heads
from bakeoff.models.patches import PatchEmbedding
from bakeoff.models.pretrained import pretrained_for
from bakeoff.models.registry import Task, model
from bakeoff.models.vision_transformer import Embedding, VisionTransformer
from bakeoff.models.vit_weights import NAMINGS, load


def build_vit(
    task: Task,
    *,
    patch: int,
    stride: int | None,
    depth: int,
    width: int,
    heads: int,
    dropout: float,
    attention_dropout: float,
    weights: str | None,
    normalise: Literal["auto", "none", "half", "imagenet"],
    train: Literal["all", "head"],
) -> VisionTransformer:
    """A ViT of any size, its weights fresh or from a file."""
    pretrained = pretrained_for(task, weights, NAMINGS)
    channels = pretrained.channels("embedding.patches.projection") if pretrained else task.channels
    patches = PatchEmbedding(channels, width, patch, stride)
    vit = VisionTransformer(
        Embedding(patches, width, task.size, dropout=dropout),
        task.outputs,
        depth=depth,
        heads=heads,
        dropout=dropout,
        attention_dropout=attention_dropout,
    )
    if pretrained:
        load(vit, pretrained)
        vit.normalise = pretrained.normaliser(normalise, channels)
    vit.train_only(train)
    return vit


@model(
    "vit_b16",
    reference="arXiv 2010.11929, Table 1",
    source="D2:105-996; D3:89-247",
    fits=patches_and_heads,
)
def vit_b16(
    task: Task,
    *,
    stride: int | None = None,
    dropout: float = 0.0,
    attention_dropout: float = 0.0,
    patch: int = 16,
    depth: int = 12,
    width: int = 768,
    heads: int = 12,
    weights: str | None = None,
    normalise: Literal["auto", "none", "half", "imagenet"] = "auto",
    train: Literal["all", "head"] = "all",
) -> nn.Module:
    """ViT-Base with patches of 16 pixels: 12 layers, 768 wide, 12 heads."""
    return build_vit(
        task,
        patch=patch,
        stride=stride,
        depth=depth,
        width=width,
        heads=heads,
        dropout=dropout,
        attention_dropout=attention_dropout,
        weights=weights,
        normalise=normalise,
        train=train,
    )


@model(
    "vit_b32",
    reference="arXiv 2010.11929, Table 1",
    source="D2:105-996; D3:89-247",
    fits=patches_and_heads,
)
def vit_b32(
    task: Task,
    *,
    stride: int | None = None,
    dropout: float = 0.0,
    attention_dropout: float = 0.0,
    patch: int = 32,
    depth: int = 12,
    width: int = 768,
    heads: int = 12,
    weights: str | None = None,
    normalise: Literal["auto", "none", "half", "imagenet"] = "auto",
    train: Literal["all", "head"] = "all",
) -> nn.Module:
    """ViT-Base with patches of 32 pixels: a quarter of the tokens."""
    return build_vit(
        task,
        patch=patch,
        stride=stride,
        depth=depth,
        width=width,
        heads=heads,
        dropout=dropout,
        attention_dropout=attention_dropout,
        weights=weights,
        normalise=normalise,
        train=train,
    )


@model(
    "vit_l16",
    reference="arXiv 2010.11929, Table 1",
    source="D2:105-996; D3:89-247",
    fits=patches_and_heads,
)
def vit_l16(
    task: Task,
    *,
    stride: int | None = None,
    dropout: float = 0.0,
    attention_dropout: float = 0.0,
    patch: int = 16,
    depth: int = 24,
    width: int = 1024,
    heads: int = 16,
    weights: str | None = None,
    normalise: Literal["auto", "none", "half", "imagenet"] = "auto",
    train: Literal["all", "head"] = "all",
) -> nn.Module:
    """ViT-Large with patches of 16 pixels: 24 layers, 1024 wide, 16 heads."""
    return build_vit(
        task,
        patch=patch,
        stride=stride,
        depth=depth,
        width=width,
        heads=heads,
        dropout=dropout,
        attention_dropout=attention_dropout,
        weights=weights,
        normalise=normalise,
        train=train,
    )


@model(
    "vit_l32",
    reference="arXiv 2010.11929, Table 1",
    source="D2:105-996; D3:89-247",
    fits=patches_and_heads,
)
def vit_l32(
    task: Task,
    *,
    stride: int | None = None,
    dropout: float = 0.0,
    attention_dropout: float = 0.0,
    patch: int = 32,
    depth: int = 24,
    width: int = 1024,
    heads: int = 16,
    weights: str | None = None,
    normalise: Literal["auto", "none", "half", "imagenet"] = "auto",
    train: Literal["all", "head"] = "all",
) -> nn.Module:
    """ViT-Large with patches of 32 pixels."""
    return build_vit(
        task,
        patch=patch,
        stride=stride,
        depth=depth,
        width=width,
        heads=heads,
        dropout=dropout,
        attention_dropout=attention_dropout,
        weights=weights,
        normalise=normalise,
        train=train,
    )


@model(
    "vit_h14",
    reference="arXiv 2010.11929, Table 1",
    source="D2:105-996; D3:89-247",
    fits=patches_and_heads,
)
def vit_h14(
    task: Task,
    *,
    stride: int | None = None,
    dropout: float = 0.0,
    attention_dropout: float = 0.0,
    patch: int = 14,
    depth: int = 32,
    width: int = 1280,
    heads: int = 16,
    weights: str | None = None,
    normalise: Literal["auto", "none", "half", "imagenet"] = "auto",
    train: Literal["all", "head"] = "all",
) -> nn.Module:
    """ViT-Huge with patches of 14 pixels: 32 layers, 1280 wide, 16 heads."""
    return build_vit(
        task,
        patch=patch,
        stride=stride,
        depth=depth,
        width=width,
        heads=heads,
        dropout=dropout,
        attention_dropout=attention_dropout,
        weights=weights,
        normalise=normalise,
        train=train,
    )

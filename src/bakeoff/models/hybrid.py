"""R50+ViT: the patches of a ViT cut from the maps of a ResNet-50 (arXiv 2010.11929, section 3.1; D2:486-491).

For patches of 16 pixels the paper moves the blocks of the fourth stage into the third, so that the maps
keep a sixteenth of the image's size; for patches of 32 it takes all four stages. A patch is one place.
"""

from typing import Literal

from torch import Tensor, nn

from bakeoff.models.bit_resnet import BiTResNet
from bakeoff.models.fit import groups_and_heads
from bakeoff.models.pretrained import Naming, pretrained_for
from bakeoff.models.registry import Task, model
from bakeoff.models.vision_transformer import Embedding, VisionTransformer
from bakeoff.models.vit_weights import NAMINGS as VIT_NAMINGS
from bakeoff.models.vit_weights import load

R50 = {16: (3, 4, 9), 32: (3, 4, 6, 3)}
"""Blocks per stage of the ResNet-50 by the side of a patch in pixels."""

_RESNET = r"^patch_embed\.backbone\."
NAMINGS = (
    Naming(
        "timm",
        "patch_embed.backbone.stem.conv.weight",
        (
            (_RESNET + r"stem\.conv\b", "embedding.patches.resnet.stem"),
            (_RESNET + r"stem\.norm\b", "embedding.patches.resnet.norm"),
            (_RESNET + r"stages\.(\d+)\.blocks\.", r"embedding.patches.resnet.stages.\1."),
            (r"\.downsample\.conv\b", ".shortcut.0"),
            (r"\.downsample\.norm\b", ".shortcut.1"),
            *VIT_NAMINGS[0].rules,
        ),
        statistics="half",
    ),
)


class ResNetPatches(nn.Module):
    """Images (B, C, H, W) -> tokens (B, N, D): every place of the ResNet's maps, embedded."""

    patch = 1

    def __init__(self, resnet: BiTResNet, width: int) -> None:
        super().__init__()
        self.resnet = resnet
        self.projection = nn.Conv2d(resnet.width, width, self.patch)

    def forward(self, images: Tensor) -> Tensor:
        """Images (B, C, H, W) to tokens (B, N, D), row by row from the top left."""
        maps: Tensor = self.projection(self.resnet(images))
        return maps.flatten(2).transpose(1, 2)

    def grid(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of the maps: SAME padding rounds up."""
        return -(-height // self.resnet.stride), -(-width // self.resnet.stride)


def build_hybrid(
    task: Task,
    blocks: tuple[int, ...],
    *,
    depth: int,
    width: int,
    heads: int,
    base: int,
    dropout: float,
    attention_dropout: float,
    weights: str | None,
    normalise: Literal["auto", "none", "half", "imagenet"],
    train: Literal["all", "head"],
) -> VisionTransformer:
    """A hybrid of any size, its weights fresh or from a file."""
    pretrained = pretrained_for(task, weights, NAMINGS)
    first = "embedding.patches.resnet.stem"
    channels = pretrained.channels(first) if pretrained else task.channels
    resnet = BiTResNet(channels, blocks, base=base)
    vit = VisionTransformer(
        Embedding(ResNetPatches(resnet, width), width, task.size, dropout=dropout),
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
    "r50_vit_b16", reference="arXiv 2010.11929, Table 3", source="D2:486-491", fits=groups_and_heads
)
def r50_vit_b16(
    task: Task,
    *,
    dropout: float = 0.0,
    attention_dropout: float = 0.0,
    depth: int = 12,
    width: int = 768,
    heads: int = 12,
    base: int = 64,
    weights: str | None = None,
    normalise: Literal["auto", "none", "half", "imagenet"] = "auto",
    train: Literal["all", "head"] = "all",
) -> nn.Module:
    """ViT-Base on the maps of a ResNet-50, a sixteenth of the image's size."""
    return build_hybrid(
        task,
        R50[16],
        depth=depth,
        width=width,
        heads=heads,
        base=base,
        dropout=dropout,
        attention_dropout=attention_dropout,
        weights=weights,
        normalise=normalise,
        train=train,
    )


@model(
    "r50_vit_b32", reference="arXiv 2010.11929, Table 3", source="D2:486-491", fits=groups_and_heads
)
def r50_vit_b32(
    task: Task,
    *,
    dropout: float = 0.0,
    attention_dropout: float = 0.0,
    depth: int = 12,
    width: int = 768,
    heads: int = 12,
    base: int = 64,
    weights: str | None = None,
    normalise: Literal["auto", "none", "half", "imagenet"] = "auto",
    train: Literal["all", "head"] = "all",
) -> nn.Module:
    """ViT-Base on the maps of a ResNet-50, a thirty-second of the image's size."""
    return build_hybrid(
        task,
        R50[32],
        depth=depth,
        width=width,
        heads=heads,
        base=base,
        dropout=dropout,
        attention_dropout=attention_dropout,
        weights=weights,
        normalise=normalise,
        train=train,
    )


@model(
    "r50_vit_l16", reference="arXiv 2010.11929, Table 3", source="D2:486-491", fits=groups_and_heads
)
def r50_vit_l16(
    task: Task,
    *,
    dropout: float = 0.0,
    attention_dropout: float = 0.0,
    depth: int = 24,
    width: int = 1024,
    heads: int = 16,
    base: int = 64,
    weights: str | None = None,
    normalise: Literal["auto", "none", "half", "imagenet"] = "auto",
    train: Literal["all", "head"] = "all",
) -> nn.Module:
    """ViT-Large on the maps of a ResNet-50, a sixteenth of the image's size."""
    return build_hybrid(
        task,
        R50[16],
        depth=depth,
        width=width,
        heads=heads,
        base=base,
        dropout=dropout,
        attention_dropout=attention_dropout,
        weights=weights,
        normalise=normalise,
        train=train,
    )


@model(
    "r50_vit_l32", reference="arXiv 2010.11929, Table 3", source="D2:486-491", fits=groups_and_heads
)
def r50_vit_l32(
    task: Task,
    *,
    dropout: float = 0.0,
    attention_dropout: float = 0.0,
    depth: int = 24,
    width: int = 1024,
    heads: int = 16,
    base: int = 64,
    weights: str | None = None,
    normalise: Literal["auto", "none", "half", "imagenet"] = "auto",
    train: Literal["all", "head"] = "all",
) -> nn.Module:
    """ViT-Large on the maps of a ResNet-50, a thirty-second of the image's size."""
    return build_hybrid(
        task,
        R50[32],
        depth=depth,
        width=width,
        heads=heads,
        base=base,
        dropout=dropout,
        attention_dropout=attention_dropout,
        weights=weights,
        normalise=normalise,
        train=train,
    )

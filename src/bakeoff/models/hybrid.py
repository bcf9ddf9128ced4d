"""R50+ViT: the patches of a ViT cut from the maps of a ResNet-50 (arXiv 2010.11929, section 3.1; D2:486-491).

For patches of 16 pixels the paper moves the blocks of the fourth stage into the third, so that the maps
keep a sixteenth of the image's size; for patches of 32 it takes all four stages. A patch is one place.
"""

from torch import Tensor, nn

from bakeoff.models.bit_resnet import BiTResNet
from bakeoff.models.choices import Part, Statistics
from bakeoff.models.fit import groups_and_heads
from bakeoff.models.pretrained import Naming, pretrained_for
from bakeoff.models.registry import Size, Task, models
from bakeoff.models.vision_transformer import Embedding, VisionTransformer
from bakeoff.models.vit_weights import NAMINGS as VIT_NAMINGS
from bakeoff.models.vit_weights import load

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


HYBRIDS = {
    "r50_vit_b16": Size(
        "ViT-Base on the maps of a ResNet-50, a sixteenth of the image's size.",
        blocks=(3, 4, 9), depth=12, width=768, heads=12,
    ),
    "r50_vit_b32": Size(
        "ViT-Base on the maps of a ResNet-50, a thirty-second of the image's size.",
        blocks=(3, 4, 6, 3), depth=12, width=768, heads=12,
    ),
    "r50_vit_l16": Size(
        "ViT-Large on the maps of a ResNet-50, a sixteenth of the image's size.",
        blocks=(3, 4, 9), depth=24, width=1024, heads=16,
    ),
    "r50_vit_l32": Size(
        "ViT-Large on the maps of a ResNet-50, a thirty-second of the image's size.",
        blocks=(3, 4, 6, 3), depth=24, width=1024, heads=16,
    ),
}  # fmt: skip
"""`blocks` of the ResNet-50 by its stages: three of them for patches of 16 pixels, four for 32."""


@models(HYBRIDS, reference="arXiv 2010.11929, Table 3", source="D2:486-491", fits=groups_and_heads)
def build_hybrid(
    task: Task,
    blocks: tuple[int, ...],
    *,
    dropout: float = 0.0,
    attention_dropout: float = 0.0,
    depth: int,
    width: int,
    heads: int,
    base: int = 64,
    weights: str | None = None,
    normalise: Statistics = "auto",
    train: Part = "all",
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

"""The Vision Transformers of Table 1 of arXiv 2010.11929: Base, Large and Huge, by patch size."""

from bakeoff.models.choices import Part, Statistics
from bakeoff.models.fit import patches_and_heads
from bakeoff.models.patches import PatchEmbedding
from bakeoff.models.pretrained import pretrained_for
from bakeoff.models.registry import Size, Task, models
from bakeoff.models.vision_transformer import Embedding, VisionTransformer
from bakeoff.models.vit_weights import NAMINGS, load

VITS = {
    "vit_b16": Size(
        "ViT-Base with patches of 16 pixels: 12 layers, 768 wide, 12 heads.",
        patch=16, depth=12, width=768, heads=12,
    ),
    "vit_b32": Size(
        "ViT-Base with patches of 32 pixels: a quarter of the tokens.",
        patch=32, depth=12, width=768, heads=12,
    ),
    "vit_l16": Size(
        "ViT-Large with patches of 16 pixels: 24 layers, 1024 wide, 16 heads.",
        patch=16, depth=24, width=1024, heads=16,
    ),
    "vit_l32": Size(
        "ViT-Large with patches of 32 pixels.", patch=32, depth=24, width=1024, heads=16
    ),
    "vit_h14": Size(
        "ViT-Huge with patches of 14 pixels: 32 layers, 1280 wide, 16 heads.",
        patch=14, depth=32, width=1280, heads=16,
    ),
}  # fmt: skip


@models(
    VITS,
    reference="arXiv 2010.11929, Table 1",
    source="D2:105-996; D3:89-247",
    fits=patches_and_heads,
)
def build_vit(
    task: Task,
    *,
    stride: int | None = None,
    dropout: float = 0.0,
    attention_dropout: float = 0.0,
    patch: int,
    depth: int,
    width: int,
    heads: int,
    weights: str | None = None,
    normalise: Statistics = "auto",
    train: Part = "all",
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

"""Published ViT weights under our names: timm's and torchvision's (arXiv 2010.11929)."""

from dataclasses import replace

from bakeoff.models.patches import resize_positions
from bakeoff.models.pretrained import Naming, Pretrained
from bakeoff.models.vision_transformer import VisionTransformer

NAMINGS = (
    Naming(
        "timm",
        "cls_token",
        (
            (r"^cls_token$", "embedding.class_token"),
            (r"^pos_embed$", "embedding.positions"),
            (r"^patch_embed\.proj\b", "embedding.patches.projection"),
            (r"\.attn\.proj\b", ".attention.projection"),
            (r"\.attn\.", ".attention."),
            (r"\.fc1\b", ".expand"),
            (r"\.fc2\b", ".contract"),
        ),
        statistics="half",
    ),
    Naming(
        "torchvision",
        "conv_proj.weight",
        (
            (r"^class_token$", "embedding.class_token"),
            (r"^encoder\.pos_embedding$", "embedding.positions"),
            (r"^conv_proj\b", "embedding.patches.projection"),
            (r"^encoder\.ln\b", "norm"),
            (r"^encoder\.layers\.encoder_layer_(\d+)", r"blocks.\1"),
            (r"\.ln_(\d)\b", r".norm\1"),
            (r"\.self_attention\.in_proj_", ".attention.qkv."),
            (r"\.self_attention\.out_proj\b", ".attention.projection"),
            (r"\.mlp\.(0|linear_1)\b", ".mlp.expand"),
            (r"\.mlp\.(3|linear_2)\b", ".mlp.contract"),
            (r"^heads\.head\b", "head"),
        ),
    ),
)
"""Queries, keys and values stand in the same order in all three libraries, so names are all there is."""


def load(vit: VisionTransformer, pretrained: Pretrained) -> None:
    """Load a file's weights, its positions interpolated to the grid of this model."""
    tensors, name = dict(pretrained.tensors), "embedding.positions"
    if name in tensors:
        tensors[name] = resize_positions(tensors[name], vit.embedding.grid)
    replace(pretrained, tensors=tensors).load_into(vit)

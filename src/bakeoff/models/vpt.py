"""Visual prompt tuning (arXiv 2203.12119; seed D4:383-403): a frozen ViT, steered by learned tokens.

x is the class token, E the patch tokens, P the prompts, L_i the i-th block. Only prompts and head train.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Literal

import torch
from torch import Tensor, nn

from bakeoff.models.choices import Statistics
from bakeoff.models.freezing import StillWhereFrozen
from bakeoff.models.hybrid import HYBRIDS, build_hybrid
from bakeoff.models.registry import Size, Task, models
from bakeoff.models.vision_transformer import VisionTransformer
from bakeoff.models.vit import VITS, build_vit

BACKBONES: dict[str, Callable[..., VisionTransformer]] = {
    **{name: partial(build_vit, **size.arguments) for name, size in VITS.items()},
    **{name: partial(build_hybrid, **size.arguments) for name, size in HYBRIDS.items()},
}


class PromptedTransformer(StillWhereFrozen):
    """Images (B, C, H, W) -> logits (B, outputs) by a frozen ViT with `prompts` tokens more.

    Shallow: [x_1, Z_1, E_1] = L_1([x_0, P, E_0]),  [x_i, Z_i, E_i] = L_i([x_(i-1), Z_(i-1), E_(i-1)])
    Deep:    [x_i, _, E_i] = L_i([x_(i-1), P_(i-1), E_(i-1)])
    Both:    y = Head(x_N)

    Prompts have no position, so it does not matter where among the tokens they stand. They start from
    the uniform distribution of the authors' code: prompts that start alike, as at zero, stay alike.
    """

    def __init__(
        self,
        backbone: VisionTransformer,
        *,
        prompts: int,
        deep: bool,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        width = backbone.width
        # Xavier's bound for a patch of three colours, whatever the images have, as in their code.
        bound = math.sqrt(6 / (3 * backbone.embedding.patches.patch**2 + width))
        self.prompts = nn.Parameter(
            torch.empty(len(backbone.blocks) if deep else 1, prompts, width)
        )
        nn.init.uniform_(self.prompts, -bound, bound)
        self.dropout = nn.Dropout(dropout)
        self.freeze_except(self.prompts, backbone.head)

    def forward(self, images: Tensor) -> Tensor:
        """Images (B, C, H, W) to logits (B, outputs)."""
        backbone, (layers, count, _) = self.backbone, self.prompts.shape
        z = backbone.embedding(backbone.normalise(images))  # [x_0, E_0]: (B, 1 + N, D)
        for index, block in enumerate(backbone.blocks):
            x, e = z[:, :1], z[:, 1:]
            if index < layers:  # deep prompts replace what the last block made of the ones before
                fresh = self.dropout(self.prompts[index].expand(len(z), -1, -1))
                z = torch.cat([x, fresh, e[:, count if index else 0 :]], dim=1)
            z = block(z)
        logits: Tensor = backbone.head(backbone.norm(z)[:, 0])
        return logits


PROMPTED = {
    "vpt_shallow": Size(
        "A frozen ViT with learned tokens before the first block; meant for pretrained `weights`.",
        deep=False,
    ),
    "vpt_deep": Size(
        "A frozen ViT with learned tokens before every block; meant for pretrained `weights`.",
        deep=True,
    ),
}


@models(PROMPTED, reference="arXiv 2203.12119", source="D4:383-403")
def build_prompted(
    task: Task,
    deep: bool,
    *,
    backbone: Literal[
        "vit_b16",
        "vit_b32",
        "vit_l16",
        "vit_l32",
        "vit_h14",
        "r50_vit_b16",
        "r50_vit_b32",
        "r50_vit_l16",
        "r50_vit_l32",
    ] = "vit_b16",
    prompts: int = 10,
    dropout: float = 0.0,
    depth: int | None = None,
    width: int | None = None,
    heads: int | None = None,
    weights: str | None = None,
    normalise: Statistics = "auto",
) -> PromptedTransformer:
    """Any of the zoo's ViTs, frozen, with prompts; sizes left out are the backbone's own."""
    sizes = {"depth": depth, "width": width, "heads": heads}
    given = {option: value for option, value in sizes.items() if value is not None}
    vit = BACKBONES[backbone](task, weights=weights, normalise=normalise, **given)
    return PromptedTransformer(vit, prompts=prompts, deep=deep, dropout=dropout)

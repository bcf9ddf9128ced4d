"""MSHT, the multi-stage hybrid transformer (arXiv 2112.13513, Fig. 1; seed D4:337-350).

A ResNet's last maps become tokens; four decoders in a row work on them, each guided by one of its stages.
"""

import logging
from typing import Literal

import torch
from torch import Tensor, nn

from bakeoff.errors import ConfigError
from bakeoff.models.choices import Statistics
from bakeoff.models.encoder import EPSILON
from bakeoff.models.fit import four_stages
from bakeoff.models.msht_decoder import DecoderBlock
from bakeoff.models.msht_focus import Focus, SimAM
from bakeoff.models.pretrained import Naming, pretrained_for
from bakeoff.models.registry import Task, model
from bakeoff.models.resnet import ResNetStages

log = logging.getLogger(__name__)

NAMINGS = (Naming("torchvision", "layer4.0.conv1.weight", ()),)


class MSHT(nn.Module):
    """Images (B, C, H, W), sides multiples of 32 -> logits (B, outputs), from the class token.

    One class token and one set of positions, both from zero, serve the tokens and all guidance alike.
    The gaze of the last stage reaches no logit: it asks for the patch tokens, and after the last decoder
    only the class token counts. So it is in the authors' code, and in their count of weights.
    """

    def __init__(
        self,
        backbone: ResNetStages,
        outputs: int,
        size: int,
        *,
        width: int,
        heads: int,
        dropout: float,
    ) -> None:
        super().__init__()
        side = size // 32
        self.normalise: nn.Module = nn.Identity()
        self.backbone = backbone
        self.attention = SimAM()
        self.projection = nn.Conv2d(backbone.widths[-1], width, 1)
        self.class_token = nn.Parameter(torch.zeros(1, 1, width))
        self.positions = nn.Parameter(torch.zeros(1, 1 + side * side, width))
        self.dropout = nn.Dropout(dropout)
        self.focus = nn.ModuleList(
            Focus(channels, width, pool=8 >> stage)  # every stage down to the grid of the last
            for stage, channels in enumerate(backbone.widths)
        )
        self.decoders = nn.ModuleList(
            DecoderBlock(width, heads, dropout=dropout) for _ in backbone.widths
        )
        self.norm = nn.LayerNorm(width, eps=EPSILON)
        self.head = nn.Linear(width, outputs)

    def forward(self, images: Tensor) -> Tensor:
        """Images (B, C, H, W) to logits (B, outputs)."""
        stages = self.backbone(self.normalise(images))
        last = self.projection(self.attention(stages[-1]))
        guidance = [focus(maps) for focus, maps in zip(self.focus, stages, strict=True)]
        tokens = self._placed(last.flatten(2).transpose(1, 2))
        for decoder, (gaze, glance) in zip(self.decoders, guidance, strict=True):
            tokens = decoder(self._placed(gaze), self._placed(glance), tokens)
        logits: Tensor = self.head(self.norm(tokens)[:, 0])
        return logits

    def _placed(self, tokens: Tensor) -> Tensor:
        """Tokens (B, N, D) with class token and positions: (B, 1 + N, D)."""
        classes = self.class_token.expand(len(tokens), -1, -1)
        placed: Tensor = self.dropout(torch.cat([classes, tokens], dim=1) + self.positions)
        return placed


@model("msht", reference="arXiv 2112.13513", source="D4:337-350", fits=four_stages)
def msht(
    task: Task,
    *,
    width: int = 768,
    heads: int = 8,
    base: int = 64,
    dropout: float = 0.0,
    blocks: Literal["authors", "resnet50"] = "authors",
    weights: str | None = None,
    normalise: Statistics = "auto",
) -> nn.Module:
    """The multi-stage hybrid transformer: four decoders, each guided by a stage of a ResNet.

    `blocks: resnet50` is torchvision's ResNet-50, whose weights (a file of them) then mean what they
    meant; the authors' own blocks differ from it. Raises ConfigError for a size that is no multiple of 32.
    """
    if wrong := four_stages(task.size, {"width": width, "heads": heads}):
        raise ConfigError(f"model 'msht': {wrong}")
    pretrained = pretrained_for(task, weights, NAMINGS)
    ours = pretrained is not None and pretrained.library == "our"
    first = "backbone.conv1" if ours else "conv1"
    channels = pretrained.channels(first) if pretrained else task.channels
    backbone = ResNetStages(channels, blocks, base=base)
    built = MSHT(backbone, task.outputs, task.size, width=width, heads=heads, dropout=dropout)
    if pretrained:
        if blocks == "authors" and not ours:
            log.warning(
                "%s: a ResNet-50's weights in the blocks of MSHT's authors, which differ from it: "
                "only a starting point. 'blocks: resnet50' keeps their meaning.",
                weights,
            )
        if ours:
            pretrained.load_into(built)
        else:
            pretrained.load_into(backbone, heads=("fc.",))
        built.normalise = pretrained.normaliser(normalise, channels)
    return built

"""The Vision Transformer: eqs. 1 and 4 of arXiv 2010.11929 around the encoder of eqs. 2 and 3.

Seeds D1:34-57, D2:108-132 and 600-801, D3:89-247. D2's final class lacks the class token, the
positions and the last LayerNorm; D1's code puts the class token last, its table first: first is right.
"""

from typing import Protocol, cast

import torch
from torch import Tensor, nn

from bakeoff.models.choices import Part
from bakeoff.models.encoder import EPSILON, EncoderBlock
from bakeoff.models.freezing import StillWhereFrozen
from bakeoff.models.patches import resize_positions


class Patches(Protocol):
    """What makes tokens of images: a patch embedding, or a ResNet before one."""

    patch: int  # side of a patch, in pixels of what the patches are cut from

    def __call__(self, images: Tensor, /) -> Tensor:
        """Images (B, C, H, W) to tokens (B, N, D)."""
        ...

    def grid(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of tokens; N is their product."""
        ...


class Embedding(nn.Module):
    """Images (B, C, H, W) to the encoder's input (B, 1 + N, D), the class token first.

    z_0 = [x_class; x_p^1 E; ...; x_p^N E] + E_pos    (1)
    """

    def __init__(self, patches: Patches, width: int, size: int, *, dropout: float) -> None:
        super().__init__()
        self.patches = patches
        rows, columns = self.grid = patches.grid(size, size)
        self.class_token = nn.Parameter(torch.zeros(1, 1, width))
        self.positions = nn.Parameter(torch.empty(1, 1 + rows * columns, width))
        nn.init.normal_(self.positions, std=0.02)
        self.dropout = nn.Dropout(dropout)

    def forward(self, images: Tensor) -> Tensor:
        """Eq. 1; for images of another size than the model was built for, E_pos is interpolated."""
        b, _, height, width = images.shape
        tokens = torch.cat([self.class_token.expand(b, -1, -1), self.patches(images)], dim=1)
        positions = resize_positions(self.positions, self.patches.grid(height, width))
        embedded: Tensor = self.dropout(tokens + positions)
        return embedded


class VisionTransformer(StillWhereFrozen):
    """Images (B, C, H, W) -> logits (B, outputs), from the class token alone.

    y = LN(z_L^0)    (4)

    The head starts at zero, as in ViT's own code: every image first gets the same logits.
    """

    def __init__(
        self,
        embedding: Embedding,
        outputs: int,
        *,
        depth: int,
        heads: int,
        dropout: float = 0.0,
        attention_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        width = embedding.class_token.shape[-1]
        self.normalise: nn.Module = nn.Identity()  # what pretrained weights expect of their input
        self.embedding = embedding
        self.blocks = nn.ModuleList(
            EncoderBlock(
                width, heads, 4 * width, dropout=dropout, attention_dropout=attention_dropout
            )
            for _ in range(depth)
        )
        self.norm = nn.LayerNorm(width, eps=EPSILON)
        self.head = nn.Linear(width, outputs)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    @property
    def width(self) -> int:
        """D, the length of a token."""
        return self.head.in_features

    def forward(self, images: Tensor) -> Tensor:
        """Images (B, C, H, W) to logits (B, outputs)."""
        logits: Tensor = self.head(self.tokens(images)[:, 0])
        return logits

    def tokens(self, images: Tensor) -> Tensor:
        """LN(z_L) of every token: (B, C, H, W) -> (B, 1 + N, D), the class token first."""
        z = self.embedding(self.normalise(images))
        for block in self.blocks:
            z = block(z)
        normed: Tensor = self.norm(z)
        return normed

    def walk(self, images: Tensor) -> list[Tensor]:
        """z_0, ..., z_L, what goes into the first block and what comes out of each: (B, 1 + N, D)."""
        z = [self.embedding(self.normalise(images))]
        for block in self.blocks:
            z.append(block(z[-1]))
        return z

    def attention_maps(self, images: Tensor) -> list[Tensor]:
        """The attention of every block, (B, heads, 1 + N, 1 + N) each: softmax and scale included."""
        return [
            cast(EncoderBlock, block).attention_weights(z)
            for block, z in zip(self.blocks, self.walk(images)[:-1], strict=True)
        ]

    def train_only(self, part: Part) -> None:
        """Freeze all but the head (a linear probe), or nothing."""
        if part == "head":
            self.freeze_except(self.head)

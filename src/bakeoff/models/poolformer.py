"""PoolFormer: MetaFormer is Actually What You Need for Vision (arXiv 2111.11418; seed D4:301).

The transformer's block with its attention replaced by a pooling that has no weights at all.
"""

from collections.abc import Sequence

import torch
from timm.layers.drop import DropPath
from torch import Tensor, nn

from bakeoff.models.pretrained import Naming

NAMINGS = (
    Naming(
        "timm",
        "stem.conv.weight",
        (
            (r"^stem\.conv\b", "stages.0.embed"),
            (r"\.downsample\.conv\b", ".embed"),
            (r"\.layer_scale(\d)\.scale$", r".scale\1"),
            (r"\.fc1\b", ".expand"),
            (r"\.fc2\b", ".contract"),
            (r"^head\.norm\b", "norm"),
            (r"^head\.fc\b", "head"),
        ),
    ),
    Naming(
        "the authors'",
        "network.0.0.mlp.fc1.weight",
        (
            (r"^patch_embed\.proj\b", "stages.0.embed"),
            (r"^network\.1\.proj\b", "stages.1.embed"),
            (r"^network\.3\.proj\b", "stages.2.embed"),
            (r"^network\.5\.proj\b", "stages.3.embed"),
            (r"^network\.0\b", "stages.0.blocks"),
            (r"^network\.2\b", "stages.1.blocks"),
            (r"^network\.4\b", "stages.2.blocks"),
            (r"^network\.6\b", "stages.3.blocks"),
            (r"\.layer_scale_(\d)$", r".scale\1"),
            (r"\.fc1\b", ".expand"),
            (r"\.fc2\b", ".contract"),
        ),
    ),
)


class ChannelMLP(nn.Module):
    """Two 1x1 convolutions with a GELU between: (B, C, H, W) -> (B, C, H, W), each place by itself."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.expand = nn.Conv2d(width, hidden, 1)
        self.activation = nn.GELU()
        self.contract = nn.Conv2d(hidden, width, 1)
        for convolution in (self.expand, self.contract):
            nn.init.trunc_normal_(convolution.weight, std=0.02)
            if convolution.bias is not None:
                nn.init.zeros_(convolution.bias)

    def forward(self, maps: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        mixed: Tensor = self.contract(self.activation(self.expand(maps)))
        return mixed


class Block(nn.Module):
    """One layer, maps (B, C, H, W) -> (B, C, H, W).

    Y = X + s_1 * pooling(Norm(X)),   pooling(T) = AvgPool(T) - T    (4)
    Z = Y + s_2 * MLP(Norm(Y))

    The pooling subtracts its input because the residual adds it again. Norm is over channels and places
    together (group norm with one group); s_1, s_2 are learned per channel and start small.
    """

    def __init__(self, width: int, *, pool: int, scale: float, drop_path: float) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(1, width)
        # Places beyond the edge do not count in the mean.
        self.pool = nn.AvgPool2d(pool, stride=1, padding=pool // 2, count_include_pad=False)
        self.norm2 = nn.GroupNorm(1, width)
        self.mlp = ChannelMLP(width, 4 * width)
        self.scale1 = nn.Parameter(torch.full((width,), scale))
        self.scale2 = nn.Parameter(torch.full((width,), scale))
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor) -> Tensor:
        """Eq. 4 and the MLP."""
        normed = self.norm1(x)
        y = x + self.drop_path(self.scale1[:, None, None] * (self.pool(normed) - normed))
        z: Tensor = y + self.drop_path(self.scale2[:, None, None] * self.mlp(self.norm2(y)))
        return z


class Stage(nn.Module):
    """A convolution that makes the maps smaller and wider, then blocks at that size."""

    def __init__(self, embed: nn.Conv2d, blocks: Sequence[Block]) -> None:
        super().__init__()
        self.embed = embed
        self.blocks = nn.Sequential(*blocks)

    def forward(self, maps: Tensor) -> Tensor:
        """Maps (B, C, H, W) to (B, C', H / stride, W / stride)."""
        mixed: Tensor = self.blocks(self.embed(maps))
        return mixed


class PoolFormer(nn.Module):
    """Images (B, C, H, W) -> logits (B, outputs); four stages, each half the size of the last.

    As in the authors' code the last norm comes before the mean over places; timm has them the other
    way round, so that features agree with timm's and logits do not.
    """

    def __init__(
        self,
        channels: int,
        outputs: int,
        *,
        depths: Sequence[int],
        widths: Sequence[int],
        pool: int,
        scale: float,
        drop_path: float,
    ) -> None:
        super().__init__()
        self.normalise: nn.Module = nn.Identity()
        stages, width_before, done, total = [], channels, 0, max(1, sum(depths) - 1)
        for index, (depth, width) in enumerate(zip(depths, widths, strict=True)):
            kernel_size, stride, padding = (3, 2, 1) if index else (7, 4, 2)
            embed = nn.Conv2d(width_before, width, kernel_size, stride, padding)
            blocks = [  # dropped the more often the deeper
                Block(width, pool=pool, scale=scale, drop_path=drop_path * (done + i) / total)
                for i in range(depth)
            ]
            stages.append(Stage(embed, blocks))
            width_before, done = width, done + depth
        self.stages = nn.Sequential(*stages)
        self.norm = nn.GroupNorm(1, width_before)
        self.head = nn.Linear(width_before, outputs)
        nn.init.trunc_normal_(self.head.weight, std=0.02)
        nn.init.zeros_(self.head.bias)

    def features(self, images: Tensor) -> Tensor:
        """The last maps before the last norm, (B, widths[-1], H / 32, W / 32)."""
        maps: Tensor = self.stages(self.normalise(images))
        return maps

    def forward(self, images: Tensor) -> Tensor:
        """Images (B, C, H, W) to logits (B, outputs)."""
        logits: Tensor = self.head(self.norm(self.features(images)).mean(dim=(2, 3)))
        return logits

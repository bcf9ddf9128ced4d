"""The ResNet before ViT's hybrid: weight-standardised convolutions and group norm (arXiv 1912.11370).

"BiT" is what makes a ResNet train at the batch sizes of transfer learning; ViT's paper puts it before
its encoder (arXiv 2010.11929, section 3.1 and appendix).
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

CONVOLUTION_EPSILON = 1e-8


class StandardisedConv2d(nn.Conv2d):
    """A convolution whose kernels have mean 0 and variance 1 (arXiv 1903.10520), padded as TensorFlow's SAME.

    SAME makes ceil(size / stride) of every size and puts the odd pixel of padding right and below.
    """

    def __init__(self, channels: int, width: int, kernel_size: int, stride: int = 1) -> None:
        super().__init__(channels, width, kernel_size, stride, bias=False)

    def forward(self, maps: Tensor) -> Tensor:
        """Maps (B, C, H, W) to (B, C', ceil(H / stride), ceil(W / stride))."""
        variance, mean = torch.var_mean(self.weight, dim=(1, 2, 3), correction=0, keepdim=True)
        weight = (self.weight - mean) * torch.rsqrt(variance + CONVOLUTION_EPSILON)
        maps = pad_same(maps, self.kernel_size[0], self.stride[0])
        return F.conv2d(maps, weight, stride=self.stride)


def pad_same(maps: Tensor, kernel_size: int, stride: int) -> Tensor:
    """Pad (B, C, H, W) with zeros so that windows of `kernel_size` give ceil(size / stride)."""
    missing = []
    for size in (maps.shape[3], maps.shape[2]):  # F.pad wants the last dimension first
        total = max(0, (-(-size // stride) - 1) * stride + kernel_size - size)
        missing += [total // 2, total - total // 2]
    return F.pad(maps, missing)


def group_norm(width: int) -> nn.GroupNorm:
    """32 groups, as in the authors' code."""
    return nn.GroupNorm(32, width)


class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1 convolutions around a shortcut: (B, C, H, W) -> (B, C', H / stride, W / stride)."""

    def __init__(self, channels: int, width: int, stride: int, *, first: bool) -> None:
        super().__init__()
        middle = width // 4
        self.shortcut = (
            nn.Sequential(StandardisedConv2d(channels, width, 1, stride), group_norm(width))
            if first
            else nn.Identity()
        )
        self.conv1, self.norm1 = StandardisedConv2d(channels, middle, 1), group_norm(middle)
        self.conv2, self.norm2 = StandardisedConv2d(middle, middle, 3, stride), group_norm(middle)
        self.conv3, self.norm3 = StandardisedConv2d(middle, width, 1), group_norm(width)
        nn.init.zeros_(self.norm3.weight)  # every block starts as its shortcut

    def forward(self, maps: Tensor) -> Tensor:
        """relu(shortcut(x) + residual(x))."""
        residual = F.relu(self.norm1(self.conv1(maps)))
        residual = F.relu(self.norm2(self.conv2(residual)))
        residual = self.norm3(self.conv3(residual))
        return F.relu(self.shortcut(maps) + residual)


class BiTResNet(nn.Module):
    """Images (B, C, H, W) -> maps (B, 256 * 2^(stages - 1), ceil(H / s), ceil(W / s)), s = 2^(stages + 1).

    `blocks` per stage; `base` is the width of the stem, 64 in every published one.
    """

    def __init__(self, channels: int, blocks: Sequence[int], *, base: int = 64) -> None:
        super().__init__()
        self.stem, self.norm = StandardisedConv2d(channels, base, 7, stride=2), group_norm(base)
        self.stride = 2 ** (len(blocks) + 1)
        self.width = base
        stages = []
        for index, depth in enumerate(blocks):
            width = 4 * base * 2**index
            stage = [
                Bottleneck(
                    width if block else self.width,
                    width,
                    stride=2 if index and not block else 1,
                    first=not block,
                )
                for block in range(depth)
            ]
            stages.append(nn.Sequential(*stage))
            self.width = width
        self.stages = nn.Sequential(*stages)
        for module in self.modules():
            if isinstance(module, StandardisedConv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, images: Tensor) -> Tensor:
        """Images (B, C, H, W) to the maps of the last stage."""
        maps = F.relu(self.norm(self.stem(images)))
        # Zeros do for a maximum, too: after ReLU nothing is below them.
        maps = F.max_pool2d(pad_same(maps, 3, 2), 3, stride=2)
        deep: Tensor = self.stages(maps)
        return deep

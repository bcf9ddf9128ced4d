"""The four stages of a ResNet-50 (arXiv 1512.03385), torchvision's or as MSHT's authors have it."""

from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

Blocks = Literal["authors", "resnet50"]
"""What a bottleneck does: torchvision's ResNet-50, or the variant in the code of MSHT's authors."""


class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1 convolutions around a shortcut: (B, C, H, W) -> (B, C', H / stride, W / stride).

    `resnet50`: relu(x + bn3(...)), the stride on the 3x3 convolution.
    `authors`:  relu(x + relu(bn3(...))), the stride on the first 1x1 convolution. The names and shapes
    of the weights are the same, so that torchvision's load without a complaint and mean something else.
    """

    def __init__(self, channels: int, middle: int, stride: int, blocks: Blocks) -> None:
        super().__init__()
        width, authors = 4 * middle, blocks == "authors"
        self.conv1 = nn.Conv2d(channels, middle, 1, stride if authors else 1, bias=False)
        self.bn1 = nn.BatchNorm2d(middle)
        self.conv2 = nn.Conv2d(middle, middle, 3, 1 if authors else stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(middle)
        self.conv3 = nn.Conv2d(middle, width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(width)
        self.before_sum: nn.Module = nn.ReLU() if authors else nn.Identity()
        self.downsample: nn.Module = nn.Identity()
        if stride != 1 or channels != width:
            self.downsample = nn.Sequential(
                nn.Conv2d(channels, width, 1, stride, bias=False), nn.BatchNorm2d(width)
            )

    def forward(self, maps: Tensor) -> Tensor:
        """Shortcut and residual."""
        residual = F.relu(self.bn1(self.conv1(maps)))
        residual = F.relu(self.bn2(self.conv2(residual)))
        residual = self.before_sum(self.bn3(self.conv3(residual)))
        return F.relu(self.downsample(maps) + residual)


class ResNetStages(nn.Module):
    """Images (B, C, H, W) -> the maps of all four stages, (B, 4 base 2^i, H / 2^(i+2), W / 2^(i+2)).

    Weights are named as in torchvision. `base` is 64 in a ResNet-50.
    """

    def __init__(self, channels: int, blocks: Blocks, *, base: int = 64) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, base, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(base)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.widths = [4 * base * 2**index for index in range(4)]
        self.layer1 = _stage(base, base, 3, 1, blocks)
        self.layer2 = _stage(4 * base, 2 * base, 4, 2, blocks)
        self.layer3 = _stage(8 * base, 4 * base, 6, 2, blocks)
        self.layer4 = _stage(16 * base, 8 * base, 3, 2, blocks)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Images to the maps of the four stages, the largest first."""
        maps = self.maxpool(F.relu(self.bn1(self.conv1(images))))
        stages = []
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            maps = stage(maps)
            stages.append(maps)
        return stages


def _stage(channels: int, middle: int, depth: int, stride: int, blocks: Blocks) -> nn.Sequential:
    first = Bottleneck(channels, middle, stride, blocks)
    return nn.Sequential(
        first, *(Bottleneck(4 * middle, middle, 1, blocks) for _ in range(depth - 1))
    )

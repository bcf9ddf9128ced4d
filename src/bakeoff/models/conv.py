"""The convolutional network of Lab 5, with and without batch normalisation (seed D0:243-310).

The seed's `return x` sits at class level and its `x.view(-1, 256)` would silently make more rows
if pooling were not 1x1; both are done right here, with the same weights: 392,834 parameters at one
channel and two classes, 393,826 with batch normalisation.
"""

from typing import Literal

from torch import Tensor, nn

from bakeoff.errors import ConfigError
from bakeoff.models.fit import five_convolutions
from bakeoff.models.registry import Task, model


class ConvNet(nn.Module):
    """Five convolutions, each with an optional batch normalisation and ReLU; mean pooling; a linear head.

    (B, C, H, W) -> (B, outputs). At 512 pixels the maps are 255, 127, 43, 15 and 13 wide.
    """

    def __init__(self, channels: int, outputs: int, *, batch_norm: bool, kernel_size: int) -> None:
        super().__init__()
        k = kernel_size
        self.features = nn.Sequential(
            *_stage(nn.Conv2d(channels, 16, k, stride=2), batch_norm),
            *_stage(nn.Conv2d(16, 32, k, stride=2), batch_norm),
            *_stage(nn.Conv2d(32, 64, k, stride=3, padding=1), batch_norm),
            *_stage(nn.Conv2d(64, 128, k, stride=3, padding=1), batch_norm),
            *_stage(nn.Conv2d(128, 256, k), batch_norm),
        )
        self.head = nn.Linear(256, outputs)

    def forward(self, images: Tensor) -> Tensor:
        """Images (B, C, H, W) to logits (B, outputs)."""
        maps = self.features(images)  # (B, 256, H', W')
        logits: Tensor = self.head(maps.mean(dim=(2, 3)))
        return logits


def _stage(convolution: nn.Conv2d, batch_norm: bool) -> list[nn.Module]:
    norm = [nn.BatchNorm2d(convolution.out_channels)] if batch_norm else []
    return [convolution, *norm, nn.ReLU()]


@model("conv", reference="Lab 5", source="D0:243-310", fits=five_convolutions)
def conv(task: Task, *, norm: Literal["none", "batch"] = "none", kernel_size: int = 3) -> nn.Module:
    """The five-layer CNN of Lab 5; `norm: batch` adds its batch normalisation.

    Raises ConfigError for images too small to leave anything for the fifth convolution.
    """
    if wrong := five_convolutions(task.size, {"kernel_size": kernel_size}):
        raise ConfigError(f"model 'conv': {wrong}")
    return ConvNet(task.channels, task.outputs, batch_norm=norm == "batch", kernel_size=kernel_size)


@model("conv_bn", reference="Lab 5", source="D0:279-310", fits=five_convolutions)
def conv_bn(task: Task, *, kernel_size: int = 3) -> nn.Module:
    """The five-layer CNN of Lab 5 with batch normalisation, by its own name."""
    return conv(task, norm="batch", kernel_size=kernel_size)

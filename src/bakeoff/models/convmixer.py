"""ConvMixer: Patches Are All You Need? (arXiv 2201.09792; seed D4:304).

The paper's code uses GELU everywhere; timm's `convmixer_768_32` has ReLU and is another network.
"""

from torch import Tensor, nn

from bakeoff.models.choices import Statistics
from bakeoff.models.fit import whole_patches
from bakeoff.models.pretrained import Naming, pretrained_for
from bakeoff.models.registry import Size, Task, models

NAMINGS = (
    Naming(
        "timm",
        "stem.0.weight",
        (
            (r"^stem\.0\b", "patches.convolution"),
            (r"^stem\.2\b", "patches.norm"),
            (r"^blocks\.(\d+)\.0\.fn\.0\b", r"blocks.\1.spatial.convolution"),
            (r"^blocks\.(\d+)\.0\.fn\.2\b", r"blocks.\1.spatial.norm"),
            (r"^blocks\.(\d+)\.1\b", r"blocks.\1.across.convolution"),
            (r"^blocks\.(\d+)\.3\b", r"blocks.\1.across.norm"),
        ),
    ),
)


class Activated(nn.Module):
    """BN(GELU(convolution(x))): the paper activates before it normalises."""

    def __init__(self, convolution: nn.Conv2d) -> None:
        super().__init__()
        self.convolution = convolution
        self.activation = nn.GELU()
        self.norm = nn.BatchNorm2d(convolution.out_channels)

    def forward(self, maps: Tensor) -> Tensor:
        """Maps (B, C, H, W) to maps (B, C', H', W')."""
        normed: Tensor = self.norm(self.activation(self.convolution(maps)))
        return normed


class Block(nn.Module):
    """One layer, maps (B, h, n, n) -> (B, h, n, n): mix over places, then over channels.

    z'_l = BN(GELU(depthwise(z_(l-1)))) + z_(l-1)    (2)
    z_l  = BN(GELU(pointwise(z'_l)))                 (3)
    """

    def __init__(self, width: int, kernel_size: int) -> None:
        super().__init__()
        self.spatial = Activated(nn.Conv2d(width, width, kernel_size, groups=width, padding="same"))
        self.across = Activated(nn.Conv2d(width, width, 1))

    def forward(self, z: Tensor) -> Tensor:
        """Eqs. 2 and 3."""
        after: Tensor = self.across(self.spatial(z) + z)
        return after


class ConvMixer(nn.Module):
    """Images (B, C, H, W) -> logits (B, outputs).

    z_0 = BN(GELU(Conv_(C -> h)(X, stride = p, kernel_size = p)))    (1)

    The features keep the size of the patch grid throughout; the head sees their mean.
    """

    def __init__(
        self, channels: int, outputs: int, *, width: int, depth: int, kernel_size: int, patch: int
    ) -> None:
        super().__init__()
        self.normalise: nn.Module = nn.Identity()
        self.patches = Activated(nn.Conv2d(channels, width, patch, stride=patch))
        self.blocks = nn.Sequential(*(Block(width, kernel_size) for _ in range(depth)))
        self.head = nn.Linear(width, outputs)

    def features(self, images: Tensor) -> Tensor:
        """The last maps, (B, width, H / p, W / p)."""
        maps: Tensor = self.blocks(self.patches(self.normalise(images)))
        return maps

    def forward(self, images: Tensor) -> Tensor:
        """Images (B, C, H, W) to logits (B, outputs)."""
        logits: Tensor = self.head(self.features(images).mean(dim=(2, 3)))
        return logits


CONVMIXERS = {
    "convmixer_1536_20": Size(
        "ConvMixer-1536/20: kernels of 9, patches of 7.",
        width=1536, depth=20, kernel_size=9, patch=7,
    ),
    "convmixer_768_32": Size(
        "ConvMixer-768/32: kernels of 7, patches of 7.",
        width=768, depth=32, kernel_size=7, patch=7,
    ),
    "convmixer_1024_20": Size(
        "ConvMixer-1024/20: kernels of 9, patches of 14.",
        width=1024, depth=20, kernel_size=9, patch=14,
    ),
}  # fmt: skip


@models(CONVMIXERS, reference="arXiv 2201.09792", source="D4:304", fits=whole_patches)
def build_convmixer(
    task: Task,
    *,
    width: int,
    depth: int,
    kernel_size: int,
    patch: int,
    weights: str | None = None,
    normalise: Statistics = "auto",
) -> ConvMixer:
    """A ConvMixer of any size, its weights fresh or from a file."""
    pretrained = pretrained_for(task, weights, NAMINGS)
    channels = pretrained.channels("patches.convolution") if pretrained else task.channels
    mixer = ConvMixer(
        channels, task.outputs, width=width, depth=depth, kernel_size=kernel_size, patch=patch
    )
    if pretrained:
        pretrained.load_into(mixer)
        mixer.normalise = pretrained.normaliser(normalise, channels)
    return mixer

"""The PoolFormers of Table 1 of arXiv 2111.11418: small and medium, by the number of blocks."""

from bakeoff.errors import ConfigError
from bakeoff.models.choices import Statistics
from bakeoff.models.fit import six_parts
from bakeoff.models.poolformer import NAMINGS, PoolFormer
from bakeoff.models.pretrained import pretrained_for
from bakeoff.models.registry import Size, Task, models

POOLFORMERS = {
    "poolformer_s12": Size(
        "PoolFormer-S12: 12 blocks, 64 to 512 wide.",
        widths=(64, 128, 320, 512), depth=12, width=64, scale=1e-5,
    ),
    "poolformer_s24": Size(
        "PoolFormer-S24: 24 blocks, 64 to 512 wide.",
        widths=(64, 128, 320, 512), depth=24, width=64, scale=1e-5,
    ),
    "poolformer_s36": Size(
        "PoolFormer-S36: 36 blocks, 64 to 512 wide.",
        widths=(64, 128, 320, 512), depth=36, width=64, scale=1e-6,
    ),
    "poolformer_m36": Size(
        "PoolFormer-M36: 36 blocks, 96 to 768 wide.",
        widths=(96, 192, 384, 768), depth=36, width=96, scale=1e-6,
    ),
    "poolformer_m48": Size(
        "PoolFormer-M48: 48 blocks, 96 to 768 wide.",
        widths=(96, 192, 384, 768), depth=48, width=96, scale=1e-6,
    ),
}  # fmt: skip


@models(POOLFORMERS, reference="arXiv 2111.11418, Table 1", source="D4:301", fits=six_parts)
def build_poolformer(
    task: Task,
    widths: tuple[int, ...],
    *,
    depth: int,
    width: int,
    scale: float,
    drop_path: float = 0.0,
    weights: str | None = None,
    normalise: Statistics = "auto",
) -> PoolFormer:
    """A PoolFormer of `depth` blocks, 1 : 1 : 3 : 1 over its stages, `width` wide in the first.

    Raises ConfigError for a depth that cannot be shared out so.
    """
    if wrong := six_parts(task.size, {"depth": depth}):
        raise ConfigError(f"a PoolFormer: {wrong}")
    depths = (depth // 6, depth // 6, depth // 2, depth // 6)
    pretrained = pretrained_for(task, weights, NAMINGS)
    channels = pretrained.channels("stages.0.embed") if pretrained else task.channels
    former = PoolFormer(
        channels,
        task.outputs,
        depths=depths,
        widths=[w * width // widths[0] for w in widths],
        pool=3,
        scale=scale,
        drop_path=drop_path,
    )
    if pretrained:
        pretrained.load_into(former)
        former.normalise = pretrained.normaliser(normalise, channels)
    return former

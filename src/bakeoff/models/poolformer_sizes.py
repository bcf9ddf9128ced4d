"""The PoolFormers of Table 1 of arXiv 2111.11418: small and medium, by the number of blocks."""

from typing import Literal

from torch import nn

from bakeoff.errors import ConfigError
from bakeoff.models.fit import six_parts
from bakeoff.models.poolformer import NAMINGS, PoolFormer
from bakeoff.models.pretrained import pretrained_for
from bakeoff.models.registry import Task, model

SMALL, MEDIUM = (64, 128, 320, 512), (96, 192, 384, 768)


def build_poolformer(
    task: Task,
    depth: int,
    widths: tuple[int, ...],
    *,
    width: int,
    scale: float,
    drop_path: float,
    weights: str | None,
    normalise: Literal["auto", "none", "half", "imagenet"],
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


@model("poolformer_s12", reference="arXiv 2111.11418, Table 1", source="D4:301", fits=six_parts)
def poolformer_s12(
    task: Task,
    *,
    depth: int = 12,
    width: int = 64,
    scale: float = 1e-05,
    drop_path: float = 0.0,
    weights: str | None = None,
    normalise: Literal["auto", "none", "half", "imagenet"] = "auto",
) -> nn.Module:
    """PoolFormer-S12: 12 blocks, 64 to 512 wide."""
    return build_poolformer(
        task,
        depth,
        SMALL,
        width=width,
        scale=scale,
        drop_path=drop_path,
        weights=weights,
        normalise=normalise,
    )


@model("poolformer_s24", reference="arXiv 2111.11418, Table 1", source="D4:301", fits=six_parts)
def poolformer_s24(
    task: Task,
    *,
    depth: int = 24,
    width: int = 64,
    scale: float = 1e-05,
    drop_path: float = 0.0,
    weights: str | None = None,
    normalise: Literal["auto", "none", "half", "imagenet"] = "auto",
) -> nn.Module:
    """PoolFormer-S24: 24 blocks, 64 to 512 wide."""
    return build_poolformer(
        task,
        depth,
        SMALL,
        width=width,
        scale=scale,
        drop_path=drop_path,
        weights=weights,
        normalise=normalise,
    )


@model("poolformer_s36", reference="arXiv 2111.11418, Table 1", source="D4:301", fits=six_parts)
def poolformer_s36(
    task: Task,
    *,
    depth: int = 36,
    width: int = 64,
    scale: float = 1e-06,
    drop_path: float = 0.0,
    weights: str | None = None,
    normalise: Literal["auto", "none", "half", "imagenet"] = "auto",
) -> nn.Module:
    """PoolFormer-S36: 36 blocks, 64 to 512 wide."""
    return build_poolformer(
        task,
        depth,
        SMALL,
        width=width,
        scale=scale,
        drop_path=drop_path,
        weights=weights,
        normalise=normalise,
    )


@model("poolformer_m36", reference="arXiv 2111.11418, Table 1", source="D4:301", fits=six_parts)
def poolformer_m36(
    task: Task,
    *,
    depth: int = 36,
    width: int = 96,
    scale: float = 1e-06,
    drop_path: float = 0.0,
    weights: str | None = None,
    normalise: Literal["auto", "none", "half", "imagenet"] = "auto",
) -> nn.Module:
    """PoolFormer-M36: 36 blocks, 96 to 768 wide."""
    return build_poolformer(
        task,
        depth,
        MEDIUM,
        width=width,
        scale=scale,
        drop_path=drop_path,
        weights=weights,
        normalise=normalise,
    )


@model("poolformer_m48", reference="arXiv 2111.11418, Table 1", source="D4:301", fits=six_parts)
def poolformer_m48(
    task: Task,
    *,
    depth: int = 48,
    width: int = 96,
    scale: float = 1e-06,
    drop_path: float = 0.0,
    weights: str | None = None,
    normalise: Literal["auto", "none", "half", "imagenet"] = "auto",
) -> nn.Module:
    """PoolFormer-M48: 48 blocks, 96 to 768 wide."""
    return build_poolformer(
        task,
        depth,
        MEDIUM,
        width=width,
        scale=scale,
        drop_path=drop_path,
        weights=weights,
        normalise=normalise,
    )

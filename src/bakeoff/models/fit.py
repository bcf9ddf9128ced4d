"""What a model asks of its image size and its options together, and of its task, said before anything runs.

A model names its rules beside its name, `@model("conv", ..., fits=five_convolutions)`. That of `fits` gets
the image's side in pixels and the model's options, and says which key is wrong and why, or None; that of
`labels` gets what of an image has a score, and says why the model cannot learn that, or None. They need no
torch: the configuration is refused by them, not a job that waited for its GPU.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bakeoff.task.classification import Scored


@dataclass(frozen=True)
class Misfit:
    """A key of a variant, what is wrong with its value, and what to take instead."""

    key: str
    why: str

    def __str__(self) -> str:
        return f"{self.key}: {self.why}."


Options = Mapping[str, Any]
Rule = Callable[[int, Options], Misfit | None]
LabelRule = Callable[[Scored], str | None]


def whole_patches(size: int, options: Options) -> Misfit | None:
    """Patches, overlapping ones (`stride`) too, leave no pixel out: none between them, none at the edge.

    What no patch reaches would silently not be seen. timm and torchvision refuse such sizes as well.
    """
    patch = int(options["patch"])
    stride = options.get("stride") or patch
    if size < patch:
        return _size(f"{size} pixels hold no patch of {patch}: take {patch} at least")
    if stride > patch:
        return Misfit(
            "stride",
            f"patches of {patch} pixels every {stride} leave out those between them: "
            f"take {_strides(size, patch)[-1]} at most",
        )
    if stride == patch and size % patch:
        below = size - size % patch
        return _size(
            f"{size} pixels are not a whole number of patches of {patch}, so the last {size % patch} "
            f"would not be seen: take {below} or {below + patch}"
        )
    if unseen := (size - patch) % stride:
        fitting = _strides(size, patch)
        near = [max(s for s in fitting if s < stride), *(s for s in fitting if s > stride)][:2]
        return Misfit(
            "stride",
            f"patches of {patch} pixels every {stride} reach {size - unseen} of {size} pixels, so the last "
            f"{unseen} would not be seen: take {' or '.join(map(str, near))}, or image.size "
            f"{size - unseen} or {size - unseen + stride}",
        )
    return None


def _strides(size: int, patch: int) -> list[int]:
    """The strides up to `patch` that end at the edge of the image, ascending."""
    return [stride for stride in range(1, patch + 1) if (size - patch) % stride == 0]


def even_heads(_: int, options: Options) -> Misfit | None:
    """Attention's heads share the width evenly."""
    width, heads = int(options["width"]), int(options["heads"])
    if width % heads:
        near = max(heads, width - width % heads)
        return Misfit("width", f"{heads} heads do not divide {width} evenly: take {near}")
    return None


def patches_and_heads(size: int, options: Options) -> Misfit | None:
    """A Transformer over patches."""
    return whole_patches(size, options) or even_heads(size, options)


def groups_and_heads(size: int, options: Options) -> Misfit | None:
    """A Transformer on the maps of a ResNet with group normalisation, which has 32 groups."""
    if options["base"] % 32:
        return Misfit("base", f"expected a multiple of 32, found {options['base']}: take 32 or 64")
    return even_heads(size, options)


def instances_of_patches(size: int, options: Options) -> Misfit | None:
    """Instances, the squares that change places, tile the image, and so do the patches."""
    instance = int(options["instance"])
    if size % instance:
        near = max(instance, size - size % instance)
        return _size(
            f"instances of {instance} pixels do not tile an image of {size}: take a multiple of "
            f"'instance', {near} for example"
        )
    return patches_and_heads(size, options)


def four_stages(size: int, options: Options) -> Misfit | None:
    """Four stages, each half the size of the last, meet on the grid of the last; one place is no grid."""
    if size % 32 or size < 64:
        near = max(64, size - size % 32)
        return _size(f"expected a multiple of 32, 64 at least, found {size}: take {near}")
    return even_heads(size, options)


def six_parts(_: int, options: Options) -> Misfit | None:
    """PoolFormer's blocks are shared out 1 : 1 : 3 : 1 over its four stages."""
    depth = int(options["depth"])
    if depth % 6:
        near = max(6, depth - depth % 6)
        return Misfit(
            "depth", f"{depth} is not a multiple of 6, to be shared 1 : 1 : 3 : 1: take {near}"
        )
    return None


def five_convolutions(size: int, options: Options) -> Misfit | None:
    """Something is left of the image for each of Lab 5's five convolutions, which are not padded."""
    k = int(options["kernel_size"])
    if _width_left(size, k) > 0:
        return None
    least = next(s for s in range(size + 1, 10_000 * k) if _width_left(s, k) > 0)
    return _size(
        f"with kernel_size {k} nothing is left of {size} pixels after the convolutions: take {least} "
        "at least"
    )


def one_class(scored: Scored) -> str | None:
    """Every image is of exactly one class."""
    if scored == "independent":
        return (
            "learns how much of an image is of which class, from images of exactly one class each, and "
            "here an image may have any number of findings: take another model"
        )
    return None


def _size(why: str) -> Misfit:
    return Misfit("image.size", why)


def _width_left(size: int, kernel_size: int) -> int:
    width = size
    for stride, padding in ((2, 0), (2, 0), (3, 1), (3, 1), (1, 0)):
        width = (width + 2 * padding - kernel_size) // stride + 1
        if width < 1:
            return 0
    return width

"""Which image sizes a model takes, said before anything runs: rules that need no torch.

A model names its rule beside its name, `@model("conv", ..., fits=five_convolutions)`. A rule gets the
image's side in pixels and the model's options, and says what is wrong, or None.
"""

from collections.abc import Callable, Mapping
from typing import Any

Rule = Callable[[int, Mapping[str, Any]], str | None]


def whole_patches(size: int, options: Mapping[str, Any]) -> str | None:
    """Patches that do not overlap tile the image; of overlapping ones (`stride`) at least one fits.

    What no patch reaches would silently not be seen. timm and torchvision refuse such sizes as well.
    """
    patch = int(options["patch"])
    stride = options.get("stride") or patch
    if size < patch:
        return (
            f"{size} pixels hold no patch of {patch}: take {patch} at least, or a smaller 'patch'"
        )
    if stride == patch and size % patch:
        below = size - size % patch
        return (
            f"{size} pixels are not a whole number of patches of {patch}, so the last {size % patch} "
            f"would not be seen: take {below} or {below + patch}"
        )
    return None


def whole_instances(size: int, options: Mapping[str, Any]) -> str | None:
    """Instances, the squares that change places, tile the image, and so do the patches."""
    instance = int(options["instance"])
    if size % instance:
        near = max(instance, size - size % instance)
        return (
            f"instances of {instance} pixels do not tile an image of {size}: take a multiple of "
            f"'instance', {near} for example"
        )
    return whole_patches(size, options)


def multiples_of_32(size: int, _: Mapping[str, Any]) -> str | None:
    """Four stages, each half the size of the last, meet on the grid of the last; one place is no grid."""
    if size % 32 or size < 64:
        near = max(64, size - size % 32)
        return f"expected a multiple of 32, 64 at least, found {size}: take {near}"
    return None


def five_convolutions(size: int, options: Mapping[str, Any]) -> str | None:
    """Something is left of the image for each of Lab 5's five convolutions, which are not padded."""
    k = int(options["kernel_size"])
    if _width_left(size, k) > 0:
        return None
    least = next(s for s in range(size + 1, 10_000 * k) if _width_left(s, k) > 0)
    return (
        f"with kernel_size {k} nothing is left of {size} pixels after the convolutions: take "
        f"{least} at least"
    )


def _width_left(size: int, kernel_size: int) -> int:
    width = size
    for stride, padding in ((2, 0), (2, 0), (3, 1), (3, 1), (1, 0)):
        width = (width + 2 * padding - kernel_size) // stride + 1
        if width < 1:
            return 0
    return width

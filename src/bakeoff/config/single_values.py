"""Batch normalisation of a single value per channel, which has no variance."""

from collections.abc import Mapping
from typing import Any


def lacks_variance(model: str, size: int, options: Mapping[str, Any], batch_size: int) -> bool:
    """Whether a model's batch normalisation would see a single value per channel in a batch.

    Known for the models whose maps can be counted without torch; for others (timm's), training raises it.
    """
    if batch_size > 1:
        return False
    if model == "conv_bn" or (model == "conv" and options.get("norm") == "batch"):
        kernel = int(options["kernel_size"])
        for stride, padding in ((2, 0), (2, 0), (3, 1), (3, 1), (1, 0)):
            size = (size + 2 * padding - kernel) // stride + 1
        return size == 1
    return model.startswith("convmixer") and size == options["patch"]

"""Builds the model of a variant, with fresh weights or with those of a file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

from bakeoff.models.registry import Task, build


def build_started(name: str, task: Task, options: Mapping[str, Any]) -> nn.Module:
    """The model `name` with the weights of the file in its option `weights`; afresh where there is none.

    Also afresh where `task.expected` is set: other weights are loaded next. Raises ConfigError naming
    the file.
    """
    file = options.get("weights")
    if file is None or task.expected is not None:
        return build(name, task, options)
    # Imported here: it imports timm and every model that takes weights, which takes seconds.
    from bakeoff.weights.loading import build_from

    return build_from(Path(file), name, task, options)

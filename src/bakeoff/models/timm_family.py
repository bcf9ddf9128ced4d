"""Any model of timm (https://github.com/huggingface/pytorch-image-models) by its name."""

import inspect
from typing import Any

import timm
from torch import nn

from bakeoff.errors import ConfigError
from bakeoff.models.registry import Task, model


@model("timm/*", source="pytorch-image-models")
def timm_model(
    task: Task, name: str, *, pretrained: bool = False, dropout: float = 0.0, drop_path: float = 0.0
) -> nn.Module:
    """Any timm model at the task's channels, size and outputs; `pretrained: true` loads weights.

    Raises ConfigError when timm cannot build it so (a fixed input size, no weights to be had).
    """
    options: dict[str, Any] = {"in_chans": task.channels, "num_classes": task.outputs}
    if dropout:
        options["drop_rate"] = dropout
    if drop_path:
        options["drop_path_rate"] = drop_path
    if _takes_image_size(name):
        options["img_size"] = task.size
    try:
        built: nn.Module = timm.create_model(name, pretrained=pretrained, **options)
    except Exception as error:
        raise ConfigError(
            f"model 'timm/{name}' cannot be built for {task} with pretrained={pretrained}: {error}"
        ) from error
    return built


def _takes_image_size(name: str) -> bool:
    """Whether the architecture is built for one image size, as transformers with positions are."""
    defaults = timm.get_pretrained_cfg(name, allow_unregistered=True)
    if defaults is not None and defaults.fixed_input_size:
        return True
    architecture = timm.model_entrypoint(name)
    return "img_size" in inspect.signature(architecture).parameters

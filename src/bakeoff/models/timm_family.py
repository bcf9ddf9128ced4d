"""Any model of timm (https://github.com/huggingface/pytorch-image-models) by its name."""

import inspect
from typing import Any

import timm
from torch import nn

from bakeoff.errors import ConfigError
from bakeoff.models.choices import Part, Statistics
from bakeoff.models.pretrained import Replaced, pretrained_for
from bakeoff.models.registry import Task, model
from bakeoff.models.timm_classifier import TimmClassifier, normaliser, pretrained_network


@model("timm/*", reference="pytorch-image-models", source="D2:467; D3:276")
def timm_model(
    task: Task,
    name: str,
    *,
    weights: str | None = None,
    normalise: Statistics = "auto",
    train: Part = "all",
    dropout: float = 0.0,
    drop_path: float = 0.0,
) -> nn.Module:
    """Any timm model, fresh or from `weights` (a file, or a tag: `pretrained: true` is timm's own choice).

    With weights it sees three colours, grey repeated, normalised as the weights expect; a classifier of
    another size starts afresh. Raises ConfigError when timm cannot build it so (a fixed input size, weights
    that do not fit).
    """
    options: dict[str, Any] = {}
    if dropout:
        options["drop_rate"] = dropout
    if drop_path:
        options["drop_path_rate"] = drop_path
    if _takes_image_size(name):
        options["img_size"] = task.size
    pretrained = pretrained_for(task, weights, ())
    if pretrained is None:
        network = _fresh(name, task.channels, task, options)
        built = TimmClassifier(network, nn.Identity())
    elif isinstance(pretrained, Replaced):
        channels = pretrained.channels("")
        network = _fresh(name, channels, task, options)
        built = TimmClassifier(network, pretrained.normaliser(normalise, channels))
    else:
        network, channels = pretrained_network(name, pretrained, outputs=task.outputs, **options)
        built = TimmClassifier(network, normaliser(network, pretrained, normalise, channels))
    built.train_only(train)
    return built


def _fresh(name: str, channels: int, task: Task, options: dict[str, Any]) -> nn.Module:
    try:
        network: nn.Module = timm.create_model(
            name, in_chans=channels, num_classes=task.outputs, **options
        )
    except Exception as error:
        raise ConfigError(f"model 'timm/{name}' cannot be built for {task}: {error}") from error
    return network


def _takes_image_size(name: str) -> bool:
    """Whether the architecture is built for one image size, as transformers with positions are."""
    defaults = timm.get_pretrained_cfg(name, allow_unregistered=True)
    if defaults is not None and defaults.fixed_input_size:
        return True
    architecture = timm.model_entrypoint(name)
    return "img_size" in inspect.signature(architecture).parameters

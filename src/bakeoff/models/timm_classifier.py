"""A timm model around what its pretrained weights expect: their input, and what of it is to train."""

from collections.abc import Mapping
from typing import Any

import timm
from torch import Tensor, nn

from bakeoff.errors import ConfigError
from bakeoff.models.choices import Part, Statistics
from bakeoff.models.freezing import StillWhereFrozen
from bakeoff.models.normalisation import Normalise
from bakeoff.models.pretrained import Pretrained

OURS = "network."
"""How the weights of a run of ours are named: those of TimmClassifier."""


class TimmClassifier(StillWhereFrozen):
    """Images (B, 1 or 3, H, W) in 0..1 -> logits (B, outputs) by `network`, normalised before it.

    As a linear probe only the classifier trains, and the running statistics of batch norms stay.
    """

    def __init__(self, network: nn.Module, normalise: nn.Module) -> None:
        super().__init__()
        self.normalise = normalise
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        """Images (B, C, H, W) to logits (B, outputs)."""
        logits: Tensor = self.network(self.normalise(images))
        return logits

    def train_only(self, part: Part) -> None:
        """Freeze all but the classifier (a linear probe), or nothing."""
        if part == "head":
            network: Any = self.network
            classifier = network.get_classifier()
            # A distilled model has two, whose logits it averages.
            self.freeze_except(*(classifier if isinstance(classifier, tuple) else (classifier,)))


def pretrained_network(
    name: str, pretrained: Pretrained, *, outputs: int, **options: Any
) -> tuple[nn.Module, int]:
    """The timm model `name` with the weights of a file, and how many colours they take.

    A classifier of another size starts afresh. The file decides over colours and classes, and every other
    weight must fit: with another number of classes than it believes in, timm loads what happens to fit and
    says nothing. `name` may have a tag, which says what the input is normalised by where the file does not.
    Raises ConfigError naming the file.
    """
    tensors = {key.removeprefix(OURS): value for key, value in pretrained.tensors.items()}
    try:
        config: Any = timm.get_pretrained_cfg(name)
    except RuntimeError as error:
        raise ConfigError(f"model 'timm/{name}': {error}") from error
    classes = _shape(tensors, config.classifier, config.num_classes, dimension=0)
    colours = _shape(tensors, config.first_conv, 3, dimension=1)
    overlay = {
        "state_dict": tensors,
        "num_classes": classes,
        "label_offset": 0,
        "custom_load": False,  # else timm takes a file for the authors' own format
    }
    try:
        network: Any = timm.create_model(
            name,
            pretrained=True,
            pretrained_cfg_overlay=overlay,
            in_chans=colours,
            num_classes=classes,
            **options,
        )
        if classes != outputs:
            network.reset_classifier(outputs)
    except Exception as error:
        raise ConfigError(
            f"{pretrained.file}: cannot be loaded into timm/{name}: {error}"
        ) from error
    network.pretrained_cfg.pop("state_dict")  # a second copy of every weight
    return network, colours


def normaliser(
    network: nn.Module, pretrained: Pretrained, statistics: Statistics, channels: int
) -> nn.Module:
    """The layer that makes of images in 0..1 what the weights of a timm network expect.

    `auto` is what the file states; else, for weights that are not ours, what timm states for the name.
    """
    ours = all(name.startswith(OURS) for name in pretrained.tensors)
    if statistics != "auto" or pretrained.mean is not None or ours:
        return pretrained.normaliser(statistics, channels)
    config: Any = network.pretrained_cfg
    return Normalise(config["mean"], config["std"])


def _shape(
    tensors: Mapping[str, Tensor],
    layers: str | tuple[str, ...] | None,
    otherwise: int,
    *,
    dimension: int,
) -> int:
    """The size along a dimension of the weight of the first layer that is there."""
    for layer in (layers,) if isinstance(layers, str) else layers or ():
        if f"{layer}.weight" in tensors:
            return tensors[f"{layer}.weight"].shape[dimension]
    return otherwise

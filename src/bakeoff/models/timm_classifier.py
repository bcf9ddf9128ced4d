"""A timm model around what its pretrained weights expect: their input, their tag, and what is to train."""

from typing import Any, Literal

import timm
from torch import Tensor, nn

from bakeoff.errors import ConfigError
from bakeoff.models.freezing import StillWhereFrozen
from bakeoff.models.normalisation import MEAN_AND_SPREAD, Normalise, Statistics


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

    def train_only(self, part: Literal["all", "head"]) -> None:
        """Freeze all but the classifier (a linear probe), or nothing."""
        if part == "head":
            classifier: Any = self.network.get_classifier
            self.freeze_except(classifier())


def pretrained_network(
    name: str, weights: str | None, *, outputs: int, **options: Any
) -> nn.Module:
    """The timm model `name` for three colours with pretrained weights, timm's or a local file's.

    The tag must be named: without one, timm takes whichever is its default in the version installed.
    Raises ConfigError with the tags there are, or naming a file that does not fit.
    """
    architecture, _, tag = name.partition(".")
    if not tag and not weights:
        tags = timm.list_pretrained(f"{architecture}.*")
        raise ConfigError(
            f"model 'timm/{name}' with pretrained weights needs its tag, so that it means the same "
            f"tomorrow: {', '.join(f'timm/{t}' for t in tags) or 'timm has none for it'}."
        )
    overlay = {"file": weights} if weights else None
    try:
        # With another number of classes timm would load what happens to fit and say nothing.
        network: Any = timm.create_model(
            name, pretrained=True, pretrained_cfg_overlay=overlay, in_chans=3, **options
        )
        if network.num_classes != outputs:
            network.reset_classifier(outputs)
    except Exception as error:
        source = weights or f"the pretrained weights of timm/{name}"
        raise ConfigError(f"{source} cannot be loaded into timm/{name}: {error}") from error
    built: nn.Module = network
    return built


def normaliser(network: nn.Module, statistics: Statistics) -> nn.Module:
    """The layer that makes of images in 0..1 what the pretrained weights of a timm network expect."""
    if statistics == "none":
        return nn.Identity()
    if statistics != "auto":
        return Normalise(*MEAN_AND_SPREAD[statistics])
    config: Any = network.pretrained_cfg
    return Normalise(config["mean"], config["std"])

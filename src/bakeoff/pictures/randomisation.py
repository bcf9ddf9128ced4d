"""The weight-randomisation check of saliency pictures: Adebayo et al. 2018 (arXiv 1810.03292).

It shuffles the weights, from the last layer down to the first, and draws the picture again. A picture
that stays the same comes from the image and the architecture, not from what was learnt.
"""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from bakeoff.training.randomness import generator

SaliencyMap = Callable[[nn.Module, Tensor], Tensor | None]
"""(model, images (K, C, H, W)) -> maps (K, rows, columns), None where the model has no such picture."""

STEPS = 6  # growing shares of the layers that are randomised; the last one is all of them
DRAWS = 5  # different shuffles of all layers, averaged: they decide whether the check passes
LARGEST_SIMILARITY = 0.5
"""Mean rank correlation, with all weights shuffled, from which on a picture fails. The paper names no limit;
at 0.5 a quarter of the variance of the ranks does not depend on what was learnt."""


@dataclass(frozen=True)
class Sanity:
    """The outcome of the check for one kind of picture."""

    shares: tuple[float, ...]  # of the layers, from the last, that were randomised; the first is 0
    similarity: tuple[float, ...]  # mean Spearman rank correlation with the trained model's maps
    across: float  # mean rank correlation of the trained model's maps of different images
    flat: bool = False  # the trained model's maps have no structure to begin with

    @property
    def passed(self) -> bool:
        """Whether the pictures depend on what was learnt."""
        return not self.flat and self.similarity[-1] < LARGEST_SIMILARITY

    @property
    def sentence(self) -> str:
        """The outcome in words, for a caption."""
        if self.flat:
            return "FAILS the weight-randomisation check: the maps are flat and show nothing."
        verdict = (
            "Passes the weight-randomisation check"
            if self.passed
            else "FAILS the weight-randomisation check: do not read it as what the model learnt"
        )
        return (
            f"{verdict} (rank correlation with the same picture from shuffled weights "
            f"{self.similarity[-1]:.2f}, limit {LARGEST_SIMILARITY}). Maps of different images resemble "
            f"each other by {self.across:.2f}."
        )


def check(
    model: nn.Module, images: Tensor, pictures: Mapping[str, SaliencyMap]
) -> dict[str, Sanity]:
    """Run the check on images (K, C, H, W), for those of the pictures, by name, that the model supports."""
    found = {name: maps_of(model, images) for name, maps_of in pictures.items()}
    trained = {name: maps for name, maps in found.items() if maps is not None}
    if not trained:
        return {}
    layers = layers_from_the_last(model, images)
    shares = [0.0]
    similarity = {name: [1.0] for name in trained}
    for count in sorted({-(-len(layers) * step // STEPS) for step in range(1, STEPS + 1)}):
        drawn: dict[str, list[float]] = {name: [] for name in trained}
        for draw in range(DRAWS if count == len(layers) else 1):
            shuffled = randomised(model, layers[:count], draw)
            for name, maps in trained.items():
                other = pictures[name](shuffled, images)
                if other is not None:
                    drawn[name].append(mean_rank_correlation(maps, other))
        shares.append(count / len(layers))
        for name, values in drawn.items():
            similarity[name].append(float(np.mean(values)))
    return {
        name: Sanity(
            tuple(shares),
            tuple(similarity[name]),
            across=_across_images(maps),
            flat=all(float(one.max() - one.min()) == 0 for one in maps),
        )
        for name, maps in trained.items()
    }


@torch.no_grad()
def layers_from_the_last(model: nn.Module, images: Tensor) -> list[str]:
    """Names of the modules that own weights, the last to be used on the images first.

    Weights that a module uses itself (a class token, positions) count with its own call.
    """
    order: dict[str, None] = {}
    handles = []
    for name, module in model.named_modules():
        if any(True for _ in module.parameters(recurse=False)):

            def record(_: nn.Module, __: object, name: str = name) -> None:
                order.pop(name, None)
                order[name] = None

            handles.append(module.register_forward_pre_hook(record))
    try:
        model(images)
    finally:
        for handle in handles:
            handle.remove()
    return list(reversed(order))


def randomised(model: nn.Module, layers: Sequence[str], draw: int) -> nn.Module:
    """A copy of the model in which the values of each weight of `layers` have changed places.

    Shuffled weights keep their scale, whatever the initialisation was; where all values of a tensor
    are the same there is nothing to shuffle, and nothing was learnt.
    """
    copied = copy.deepcopy(model)
    with torch.no_grad():
        for layer in layers:
            for name, weight in copied.get_submodule(layer).named_parameters(recurse=False):
                shuffle = generator(draw, "randomise", layer, name)
                order = torch.randperm(weight.numel(), generator=shuffle).to(weight.device)
                weight.copy_(weight.flatten()[order].view_as(weight))
    return copied


def _across_images(maps: Tensor) -> float:
    """The similarity of the maps of different images: a map that never changes shows nothing of an image."""
    shifts = range(1, len(maps))
    return float(np.mean([mean_rank_correlation(maps, maps.roll(s, 0)) for s in shifts] or [0.0]))


def mean_rank_correlation(one: Tensor, other: Tensor) -> float:
    """Spearman's rank correlation of maps (K, rows, columns), averaged over the images.

    A map that is flat, or not finite, has no ranks: it counts as 0.
    """
    values = []
    for a, b in zip(one.flatten(1).cpu().numpy(), other.flatten(1).cpu().numpy(), strict=True):
        ranked = np.isfinite([a, b]).all() and np.ptp(a) > 0 and np.ptp(b) > 0
        pair = pd.DataFrame({"one": a, "other": b})
        values.append(float(pair.corr("spearman").to_numpy()[0, 1]) if ranked else 0.0)
    return float(np.mean(values))

"""The attention map of every head of every layer (seed D3:400-470).

The seed's picture skips the norm, 1/sqrt(D_h) and the softmax, and leaves out some heads; here are all.
"""

import re
from collections.abc import Collection, Iterator
from itertools import chain, count

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor, nn

from bakeoff.pictures.attention import self_attention, to_patches
from bakeoff.pictures.choice import Chosen
from bakeoff.pictures.drawing import HEAT, Picture, label_mosaic, mosaic, show
from bakeoff.pictures.subject import Subject
from bakeoff.plotting import new_figure, style

LONGEST = 60  # characters of an outcome in the name of its file
CELL = 0.55  # inches of one head's map
LARGEST = 9.0  # inches of the mosaic
MOST_FIGURES = 4  # of the first outcomes: attention is the same whatever is explained


def head_maps(model: nn.Module, images: Tensor) -> NDArray[np.float32] | None:
    """Every layer's and head's map: (K, layers, heads, rows, columns), each scaled to 0..1 by its largest.

    None without self-attention, or where layers differ in their heads or tokens.
    """
    layers = self_attention(model, images)
    if not layers or len({layer.shape for layer in layers}) > 1:
        return None
    maps = torch.stack([to_patches(model, layer) for layer in layers], dim=1).float()
    largest = maps.amax(dim=(-2, -1), keepdim=True)
    scaled: NDArray[np.float32] = (maps / largest).cpu().numpy()
    return scaled


def draw_attention_maps(subject: Subject) -> Iterator[Picture]:
    """A figure per outcome: layers downwards, heads across, beside the image."""
    first = subject.first_of_each_outcome(MOST_FIGURES)
    found = head_maps(subject.model, subject.images[first])
    if found is None:
        return
    _, layers, heads, _, _ = found.shape
    taken: set[str] = set()
    for index, maps in zip(first, found, strict=True):
        image = subject.chosen[index]
        name = file_name(image.outcome, taken)
        taken.add(name)
        yield Picture(
            kind="attention-maps",
            file=f"attention-maps-{name}.png",
            title=f"Attention of every head: {image.outcome.replace('_', ' ')}",
            caption=f"{layers} layers (downwards, the first on top) of {heads} heads, each map scaled by "
            "its largest weight: what the class token attends to, or, in a model without one, what "
            "patches attend to on average. Attention says what is mixed, not what decides.",
            figure=_draw(maps, subject.pixels[index], image),
            images=(image.name,),
        )


def file_name(outcome: str, taken: Collection[str]) -> str:
    """An outcome as a part of a file's name; classes are called as people like."""
    name = re.sub(r"[^\w-]+", "-", outcome)[:LONGEST].strip("-") or "outcome"
    others = (f"{name}-{number}" for number in count(2))
    return next(each for each in chain([name], others) if each not in taken)


def _draw(maps: NDArray[np.float32], pixels: NDArray[np.uint8], image: Chosen) -> Figure:
    layers, heads, _, _ = maps.shape
    width, height = (min(LARGEST, CELL * count + 0.4) for count in (heads, layers))
    with style():
        figure = new_figure(2.0 + width, max(2.8, height + 0.3))
        left, right = figure.subplots(1, 2, width_ratios=[1.8, width])
        show(left, pixels, image.title)
        right.imshow(mosaic(maps), cmap=HEAT, vmin=0, vmax=1, interpolation="none")
        label_mosaic(right, maps, "layer", "head")
    return figure

"""The attention of a decoder over the patches, for each label that it emits (seed D0:540)."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from bakeoff.models.findings_decoder import EmitsFindings
from bakeoff.models.patches import cut_patches
from bakeoff.models.rnn_self_attention import RNNSelfAttention
from bakeoff.pictures.drawing import Picture, enlarge, lay_over, show
from bakeoff.pictures.subject import Subject
from bakeoff.plotting import new_figure, style

MOST_COLUMNS = 8  # images beside each other
MOST_TOKENS = 5  # labels per image that are drawn
INCHES = 1.35  # a panel


@dataclass(frozen=True)
class Alignment:
    """The alignment of one image: a name and weights over the patches for each emitted token."""

    tokens: list[str]
    weights: Tensor  # (M, rows, columns), each sums to 1


@torch.no_grad()
def alignments(model: nn.Module, images: Tensor) -> list[Alignment] | None:
    """The alignment of each image (K, C, H, W) with what the model emits; None for other models."""
    if isinstance(model, RNNSelfAttention):
        _, weights = model.read(cut_patches(images, model.patch, model.stride))
        maps = on_grid(weights, model.grid)[:, None]
        return [Alignment(["last state"], one) for one in maps]
    if not isinstance(model, EmitsFindings):
        return None
    vocabulary, memory = model.vocabulary, model.encode(images)
    if vocabulary.scored == "exclusive":
        called = model.scores(memory).argmax(dim=1)
        maps = on_grid(_first_weights(model, memory), model.grid)[:, None]
        return [
            Alignment([vocabulary.findings[at]], one) for at, one in zip(called, maps, strict=True)
        ]
    emitted = model.emit(images)
    start = torch.full_like(emitted[:, :1], vocabulary.start)
    _, weights = model.decode_aligned(memory, torch.cat([start, emitted[:, :-1]], dim=1))
    found = []
    for tokens, maps in zip(emitted, on_grid(weights, model.grid), strict=True):
        names = vocabulary.names(tokens)
        # A model that emits <end> at once has weights, too.
        found.append(Alignment(names or ["<end>"], maps[: max(1, len(names))]))
    return found


@torch.no_grad()
def first_alignment(model: nn.Module, images: Tensor) -> Tensor | None:
    """The weights for each image's first token, which decides the class: (K, rows, columns)."""
    if not isinstance(model, EmitsFindings):
        found = alignments(model, images)
        return None if found is None else torch.stack([one.weights[0] for one in found])
    return on_grid(_first_weights(model, model.encode(images)), model.grid)


def _first_weights(model: EmitsFindings, memory: Tensor) -> Tensor:
    """What the first label is made of: a memory (K, N, D) to weights (K, N)."""
    start = torch.full((len(memory), 1), model.vocabulary.start, device=memory.device)
    _, weights = model.decode_aligned(memory, start)
    return weights[:, 0]


def on_grid(weights: Tensor, grid: tuple[int, int]) -> Tensor:
    """Weights over the patches (..., N) at their places (..., rows, columns)."""
    return weights.reshape(*weights.shape[:-1], *grid)


def draw_alignment(subject: Subject) -> Picture | None:
    """A column per image: the image, and below it the weights for each label that was emitted."""
    found = alignments(subject.model, subject.images)
    if found is None:
        return None
    bands = -(-len(found) // MOST_COLUMNS)
    across = -(-len(found) // bands)
    down = 1 + min(MOST_TOKENS, max(len(one.tokens) for one in found))
    with style():
        figure = new_figure(INCHES * across, (INCHES + 0.3) * down * bands)
        panels = figure.subplots(down * bands, across, squeeze=False)
        for axes in panels.flat:
            axes.set_axis_off()
        for index, one in enumerate(found):
            band, place = divmod(index, across)
            pixels, column = subject.pixels[index], panels[down * band : down * (band + 1), place]
            show(column[0], pixels, subject.chosen[index].title, INCHES)
            heats = enlarge(one.weights, subject.size, smooth=False)
            for axes, token, heat in zip(column[1:], one.tokens, heats, strict=False):
                show(axes, pixels, token.replace("_", " "), INCHES)
                lay_over(axes, heat)
    return Picture(
        kind="alignment",
        file="alignment.png",
        title="Where the decoder looks",
        caption=_caption(subject.model),
        figure=figure,
        images=tuple(image.name for image in subject.chosen),
    )


def _caption(model: nn.Module) -> str:
    scaled = "each map scaled to its own range."
    if not isinstance(model, EmitsFindings):
        return f"The weights over the patches with which the last state looks back, {scaled}"
    if model.vocabulary.scored == "exclusive":
        return f"The weights over the patches with which the class was made that it is called, {scaled}"
    return (
        f"The weights over the patches with which each label was made, {scaled} Labels are those that the "
        "model emits, right or wrong, in the order it emits them, and <end> where it emits none; at most "
        f"{MOST_TOKENS} are drawn."
    )

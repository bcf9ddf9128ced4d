"""The tokens of an image after each block, and the score read from them: a logit lens (seed D3:375-405).

The seed prints the shapes of the tokens; this shows their content. The score after a block is what the
model's own last norm and head read from the class token there. After the last block it is the model's
score; before, the head reads tokens that it was never trained on.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray
from torch import Tensor, nn

from bakeoff.models.registry import OwnObjective
from bakeoff.models.vision_transformer import VisionTransformer
from bakeoff.pictures.choice import Chosen
from bakeoff.pictures.drawing import PANEL, Picture, label_mosaic, mosaic, show
from bakeoff.pictures.subject import Subject
from bakeoff.pictures.tokens import grid_of, timm_vit
from bakeoff.plotting import MUTED, TRAIN, VAL, new_figure, shortened, style
from bakeoff.task.classification import ClassificationTask
from bakeoff.task.losses import Loss, loss_of

MOST_BLOCKS = 13  # maps beside an image: ViT-B's twelve blocks and what goes into the first
MOST_IMAGES = 6  # of the first outcomes


@dataclass(frozen=True)
class LogitLens:
    """The readings of L blocks, and of the input of the first."""

    scores: Tensor  # float (L + 1, K) or (L + 1, K, C): the scores read from the class token
    similarity: Tensor  # float (L + 1, K, rows, columns): cosine of every patch to the class token


@torch.no_grad()
def logit_lens(
    model: nn.Module, images: Tensor, task: ClassificationTask, loss: Loss
) -> LogitLens | None:
    """Read images (K, channels, S, S) after each block of the model's Vision Transformer, ours or timm's.

    None for a model without one, or whose head does not read a class token.
    """
    vit = _vision_transformer(model)
    if vit is None:
        return None
    z: list[Tensor] = []  # (K, N, D): class token, prompts, patches
    blocks = list(vit.blocks)
    before = blocks[0].register_forward_pre_hook(lambda _, given: z.append(given[0]))
    handles = [block.register_forward_hook(lambda *call: z.append(call[2])) for block in blocks]
    try:
        model(images)
    finally:
        for handle in (before, *handles):
            handle.remove()
    if isinstance(
        model, OwnObjective
    ):  # it has an output for each class, whatever training.loss is
        loss = loss_of(task, task.losses[0])
    ours = isinstance(vit, VisionTransformer)
    read = [vit.norm(tokens) for tokens in z]
    logits = [vit.head(t[:, 0]) if ours else vit.forward_head(t) for t in read]
    similarity = []
    for tokens in z:
        rows, columns = grid_of(model, tokens.shape[1])
        patches = tokens[:, -rows * columns :]
        cosine = F.cosine_similarity(patches, tokens[:, :1], dim=-1)
        similarity.append(cosine.reshape(-1, rows, columns))
    scores = torch.stack([loss.scores(each) for each in logits])
    return LogitLens(scores.float().cpu(), torch.stack(similarity).float().cpu())


def _vision_transformer(model: nn.Module) -> Any:
    for module in model.modules():
        if isinstance(module, VisionTransformer):
            return module
        if isinstance(module, timm_vit()) and module.has_class_token:
            return module if module.global_pool == "token" else None
    return None


def draw_logit_lens(subject: Subject) -> Picture | None:
    """One image of each outcome: its maps after every block, and the score read from each."""
    first = subject.first_of_each_outcome(MOST_IMAGES)
    found = logit_lens(subject.model, subject.images[first], subject.task, subject.loss)
    if found is None:
        return None
    blocks = len(found.scores) - 1
    step = -(-len(found.scores) // MOST_BLOCKS)
    others = any(subject.chosen[index].case.truth is not None for index in first)
    return Picture(
        kind="walk",
        file="walk.png",
        title="Walk through the blocks",
        caption=f"Behind each of {blocks} blocks (0: in front of the first): how alike every patch's token "
        f"and the class token are (cosine: bright is alike), and P({subject.explained('beside it')}) as the "
        "model's own head reads it from the class token there. Only the last reading is the model's; "
        "the head was not trained on the others."
        + " It is blue where the image is that, else orange"
        + ("; dashed is the class that the image is." if others else ".")
        + _threshold(subject)
        + ("" if step == 1 else f" One block in {step} is shown as a map."),
        figure=_draw(subject, first, found, step),
        images=tuple(subject.chosen[index].name for index in first),
    )


def _draw(subject: Subject, first: list[int], found: LogitLens, step: int) -> Figure:
    shown = np.arange(len(found.scores))[::-step][::-1]  # the last one always
    columns = (1, max(1.0, 0.5 * len(shown)), 1.2)
    with style():
        figure = new_figure(PANEL * sum(columns) + 0.8, (PANEL + 0.35) * len(first))
        panels = figure.subplots(len(first), 3, squeeze=False, width_ratios=columns)
        for row, index in enumerate(first):
            picture, maps, line = panels[row]
            show(picture, subject.pixels[index], subject.chosen[index].title)
            sheet = found.similarity[shown, row][None].numpy()
            maps.imshow(mosaic(sheet), cmap="viridis", vmin=-1, vmax=1, interpolation="none")
            label_mosaic(maps, sheet, "", "")
            maps.set_yticks([])
            maps.set_xticks(maps.get_xticks(), [str(block) for block in shown])
            _draw_scores(line, found.scores[:, row].numpy(), subject, subject.chosen[index])
        panels[-1, 1].set_xlabel("behind block")
        panels[-1, 2].set_xlabel("behind block")
    return figure


def _draw_scores(axes: Axes, scores: NDArray[np.float32], subject: Subject, image: Chosen) -> None:
    each = scores.reshape(len(scores), -1)
    blocks = np.arange(len(each))
    if image.case.truth is not None:
        axes.plot(blocks, each[:, image.case.truth], color=TRAIN, lw=1.2, ls=(0, (4, 2)))
    colour = TRAIN if image.case.label else VAL
    axes.plot(blocks, each[:, image.case.score], color=colour, lw=1.4, marker=".", ms=4)
    if image.of in subject.thresholds:
        axes.axhline(subject.thresholds[image.of], color=MUTED, lw=0.8, ls=(0, (1, 2)))
    axes.set(ylim=(-0.02, 1.02), ylabel=f"P({shortened(image.of.replace('_', ' '), 16)})")
    axes.set_yticks([0, 0.5, 1])
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def _threshold(subject: Subject) -> str:
    if subject.threshold is not None:
        return f" The dotted line is the threshold, {subject.threshold:.2f}."
    return " The dotted line is its threshold." if subject.thresholds else ""

"""Bars of each chosen image's class scores (seed D3:480-500)."""

import numpy as np
import torch
from matplotlib.axes import Axes
from torch import Tensor, nn

from bakeoff.models.findings_decoder import EmitsFindings
from bakeoff.pictures.drawing import PANEL, Picture, show
from bakeoff.pictures.subject import Subject
from bakeoff.plotting import MUTED, TRAIN, VAL, new_figure, style

MOST_FINDINGS = 6  # bars per image; the others are summed up


@torch.no_grad()
def class_scores(model: nn.Module, images: Tensor) -> list[dict[str, float]] | None:
    """P of every finding of each image, largest first, for a model that emits findings.

    They are the probabilities of the first token. None for a model of the two classes only.
    """
    if not isinstance(model, EmitsFindings):
        return None
    names = [*model.vocabulary.findings, "<end>"]
    scored = []
    for row in model(images).float().softmax(dim=1).cpu().numpy():
        order = np.argsort(-row, kind="stable")
        scored.append({names[i]: float(row[i]) for i in order})
    return scored


def draw_class_scores(subject: Subject) -> Picture:
    """Every image with its bars; class 1 is predicted right of the dotted line."""
    scored = class_scores(subject.model, subject.images)
    positive = subject.classes.positive
    across = min(2, len(subject.chosen))
    rows = -(-len(subject.chosen) // across)
    with style():
        figure = new_figure(across * (PANEL + 2.3), rows * (PANEL + 0.1))
        panels = figure.subplots(rows, 2 * across, squeeze=False, width_ratios=[1, 1.3] * across)
        for axes in panels.flat[2 * len(subject.chosen) :]:
            axes.set_axis_off()
        for index, image in enumerate(subject.chosen):
            picture, bars = panels.flat[2 * index], panels.flat[2 * index + 1]
            show(picture, subject.pixels[index], image.title)
            healthy = subject.findings[0]
            scores = {positive: image.score, subject.classes.negative: 1 - image.score}
            if scored is not None:
                emitted_scores = largest_findings(scored[index], healthy)
                emitted_scores.pop(positive, None)  # a finding of the class's name
                scores = {positive: image.score, **emitted_scores}
            colours = {positive: VAL, healthy: TRAIN, subject.classes.negative: TRAIN}
            _draw_bars(bars, scores, colours, subject.threshold)
    emitted = (
        ""
        if scored is None
        else (
            f" Below it, the likeliest first findings that the model would emit, at most {MOST_FINDINGS}."
        )
    )
    return Picture(
        kind="class-scores",
        file="class-scores.png",
        title="Class scores",
        caption=f"The score of each image, P({positive}); the dotted line is the threshold chosen "
        f"on validation, {subject.threshold:.2f}.{emitted}",
        figure=figure,
        images=tuple(image.name for image in subject.chosen),
    )


def largest_findings(scores: dict[str, float], healthy: str) -> dict[str, float]:
    """The largest MOST_FINDINGS classes, the healthy one always among them, and the sum of the others."""
    kept = [name for name in scores if name != healthy][: MOST_FINDINGS - 1]
    shown = {name: value for name, value in scores.items() if name in kept or name == healthy}
    if len(shown) < len(scores):
        shown["all others"] = sum(scores.values()) - sum(shown.values())
    return shown


def _draw_bars(
    axes: Axes, scores: dict[str, float], colours: dict[str, str], threshold: float
) -> None:
    drawn = [colours.get(name, MUTED) for name in scores]
    names = [name.replace("_", " ") for name in scores]
    axes.barh(names[::-1], list(scores.values())[::-1], color=drawn[::-1], height=0.7)
    axes.axvline(threshold, color=MUTED, lw=0.8, ls=(0, (1, 2)))
    axes.set_xlim(0, 1)
    axes.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
    axes.tick_params(labelsize=6.5)
    axes.grid(visible=False)

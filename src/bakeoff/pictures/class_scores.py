"""Bars of each chosen image's scores (seed D3:480-500)."""

from collections.abc import Collection, Mapping

import numpy as np
import torch
from matplotlib.axes import Axes
from torch import Tensor, nn

from bakeoff.models.findings_decoder import EmitsFindings
from bakeoff.pictures.drawing import PANEL, Picture, show
from bakeoff.pictures.subject import Subject
from bakeoff.plotting import INK, MUTED, TRAIN, VAL, new_figure, shortened, style
from bakeoff.task.outcomes import outcomes_of

MOST_BARS = 6  # of an image; the others are summed up
PICTURE = 1.4  # inches of an image, and of the words above it
BAR = 0.14  # inches
LONGEST = 26  # characters of a name
OTHERS = "all others"


@torch.no_grad()
def first_labels(model: nn.Module, images: Tensor) -> list[dict[str, float]] | None:
    """P of every label that may be emitted first, of each image, for a model that emits labels; else None."""
    if not isinstance(model, EmitsFindings):
        return None
    names = [*model.vocabulary.findings, "<end>"]
    return [
        dict(zip(names, row.tolist(), strict=True)) for row in model(images).float().softmax(dim=1)
    ]


def draw_class_scores(subject: Subject) -> Picture:
    """Every image with its bars; a class or finding is called right of its dotted line."""
    task, outcomes = subject.task, outcomes_of(subject.task)
    scored = outcomes.by_name(subject.scores)
    true = outcomes.names_of(subject.labels)
    called = outcomes.names_of(task.called(subject.scores, subject.thresholds))
    emitted = first_labels(subject.model, subject.images)
    if emitted is not None and set(emitted[0]) - {"<end>"} <= set(scored[0]):
        emitted = None  # nothing that has no score of its own
    bars = []
    for row, (scores, image) in enumerate(zip(scored, subject.chosen, strict=True)):
        always = {image.of, *true[row], *called[row]}
        shown = largest(scores, always, others=outcomes.adds_up)
        if emitted is not None:
            first = {name: p for name, p in emitted[row].items() if name not in scores}
            shown |= largest(first, {task.vocabulary[0]} - set(scores), others=True)
        bars.append(shown)
    across = min(2, len(subject.chosen))
    rows = -(-len(subject.chosen) // across)
    height = max(PANEL + 0.1, 0.5 + BAR * max(map(len, bars)))
    with style():
        figure = new_figure(across * (PANEL + 2.3), rows * height)
        panels = figure.subplots(rows, 2 * across, squeeze=False, width_ratios=[1, 1.3] * across)
        for axes in panels.flat[2 * len(subject.chosen) :]:
            axes.set_axis_off()
        for index, image in enumerate(subject.chosen):
            picture, beside = panels.flat[2 * index], panels.flat[2 * index + 1]
            show(picture, subject.pixels[index], image.title, PICTURE)
            colours = dict.fromkeys(called[index], VAL) | dict.fromkeys(true[index], TRAIN)
            _draw_bars(beside, bars[index], colours, subject.thresholds)
    return Picture(
        kind="class-scores",
        file="class-scores.png",
        title="Class scores",
        caption=_caption(subject, few=len(scored[0]) <= MOST_BARS, emits=emitted is not None),
        figure=figure,
        images=tuple(image.name for image in subject.chosen),
    )


def largest(
    scores: Mapping[str, float], always: Collection[str], *, others: bool
) -> dict[str, float]:
    """The largest MOST_BARS scores, those of `always` among them; `others` adds the sum of what is left."""
    ordered = sorted(scores, key=lambda name: -scores[name])
    room = max(0, MOST_BARS - len(always))
    kept = {*always, *[name for name in ordered if name not in always][:room]}
    shown = {name: scores[name] for name in ordered if name in kept}
    if others and len(shown) < len(scores):
        shown[OTHERS] = sum(scores.values()) - sum(shown.values())
    return shown


def _caption(subject: Subject, *, few: bool, emits: bool) -> str:
    first = "The scores of each image"
    if subject.one_score:
        first = f"The score of each image, P({subject.task.scored[0]})"
    elif not few:
        first += f", the largest {MOST_BARS} and those that matter"
    if subject.threshold is not None:
        first += f"; the dotted line is the threshold chosen on validation, {subject.threshold:.2f}"
    elif subject.thresholds:
        first += "; each dotted line is a threshold chosen on validation"
    sentences = [first, "Blue is true of the image; orange is called, and is not"]
    if emits:
        sentences.append(
            f"Below them, the likeliest first labels that the model would emit, at most {MOST_BARS}"
        )
    return ". ".join(sentences) + "."


def _draw_bars(
    axes: Axes,
    scores: Mapping[str, float],
    colours: Mapping[str, str],
    thresholds: Mapping[str, float],
) -> None:
    places = np.arange(len(scores))[::-1]
    axes.barh(
        places, list(scores.values()), color=[colours.get(n, MUTED) for n in scores], height=0.7
    )
    axes.set_yticks(places, [shortened(name.replace("_", " "), LONGEST) for name in scores])
    for place, name in zip(places, scores, strict=True):
        if name in thresholds:
            ends = [place - 0.5, place + 0.5]
            axes.plot([thresholds[name]] * 2, ends, color=INK, lw=0.9, ls=(0, (1, 1)))
    axes.set_xlim(0, 1)
    axes.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
    axes.tick_params(labelsize=6.5)
    axes.grid(visible=False)

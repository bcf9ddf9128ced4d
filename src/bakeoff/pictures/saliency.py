"""Saliency pictures: maps over an image of what mattered for a score, each with its sanity check."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import cycle

import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from bakeoff.models.findings_decoder import EmitsFindings
from bakeoff.pictures.alignment import first_alignment
from bakeoff.pictures.attention import self_attention, to_patches
from bakeoff.pictures.drawing import Picture, enlarge, pairs
from bakeoff.pictures.grad_cam import grad_cam
from bakeoff.pictures.log_odds import log_odds
from bakeoff.pictures.randomisation import LARGEST_SIMILARITY, SaliencyMap, Sanity, check
from bakeoff.pictures.rollout import rollout
from bakeoff.pictures.subject import Subject
from bakeoff.plotting import MUTED, new_figure, style
from bakeoff.task.outcomes import outcomes_of


@dataclass(frozen=True)
class Saliency:
    """One kind of saliency picture, of some of a subject's images."""

    kind: str
    title: str
    caption: str
    maps: SaliencyMap
    smooth: bool = False
    rows: list[int] = field(default_factory=list)  # of the images that it shows; [] is all of them
    titles: tuple[str, ...] = ()  # above each map: whose score it explains, where that differs


def kinds(subject: Subject) -> tuple[Saliency, ...]:
    """Every kind; a model supports those whose maps are not None."""
    return (
        Saliency(
            "last-attention",
            "Attention of the last layer",
            "What the class token (without one, the patches on average) attends to in the last layer, mean "
            "of its heads.",
            last_attention,
        ),
        Saliency(
            "rollout",
            "Attention rollout",
            "How much of each patch reaches the class token (without one, the patches on average) through "
            "the attention of all layers.",
            rollout,
        ),
        _first_alignment(subject),
        *_grad_cams(subject),
    )


def _first_alignment(subject: Subject) -> Saliency:
    if isinstance(subject.model, EmitsFindings):
        title = "Where the first label is looked for"
        caption = (
            "The decoder's weights over the patches for the first label, which "
            f"{outcomes_of(subject.task).first_label}."
        )
    else:
        title, caption = (
            "What the last state looks back at",
            "Its weights over the patches, which decide.",
        )
    return Saliency("first-alignment", title, caption, first_alignment)


def _grad_cams(subject: Subject) -> Iterator[Saliency]:
    """Of what each image is explained by, and, of those that are called another class, of their own."""
    names = [name.replace("_", " ") for name in subject.task.scored]
    cases = [image.case for image in subject.chosen]
    yield Saliency(
        "grad-cam",
        "Grad-CAM",
        "Places of the last convolutional maps that raise the log-odds of "
        f"{subject.explained('above each')}; dark where none does.",
        _grad_cam_of(subject, {row: case.score for row, case in enumerate(cases)}),
        smooth=True,
        titles=() if subject.one_score else tuple(f"for {names[case.score]}" for case in cases),
    )
    truths = {row: case.truth for row, case in enumerate(cases) if case.truth is not None}
    if truths:
        scores = [float(subject.scores[row][truth]) for row, truth in truths.items()]
        yield Saliency(
            "grad-cam-truth",
            "Grad-CAM of the class that an image is",
            "The same images where another class is called: places that raise the log-odds of the class that "
            "each is, with its score; dark where none does.",
            _grad_cam_of(subject, truths),
            smooth=True,
            rows=list(truths),
            titles=tuple(
                f"for {names[truth]}, {score:.2f}"
                for truth, score in zip(truths.values(), scores, strict=True)
            ),
        )


def _grad_cam_of(subject: Subject, scores: dict[int, int]) -> SaliencyMap:
    """Of the images at the keys: each explains the score at the position that is its value."""
    rows, at = list(scores), torch.tensor(list(scores.values()), device=subject.images.device)
    return lambda model, images: grad_cam(
        model, images[rows], lambda m, x: log_odds(m, x, at, subject.task, subject.loss)
    )


def last_attention(model: nn.Module, images: Tensor) -> Tensor | None:
    """The last layer's attention, mean of its heads, (K, rows, columns); None without self-attention."""
    layers = self_attention(model, images)
    return to_patches(model, layers[-1].mean(dim=1)) if layers else None


def draw_saliency(subject: Subject) -> Iterator[Picture]:
    """Every saliency picture that the model has, and the curves of the check on all of them."""
    available = kinds(subject)
    checked = check(subject.model, subject.images, {one.title: one.maps for one in available})
    for saliency in available:
        maps = saliency.maps(subject.model, subject.images)
        if maps is None:
            continue
        sanity = checked[saliency.title]
        shown = subject.at(saliency.rows) if saliency.rows else subject
        heat = enlarge(maps, subject.size, smooth=saliency.smooth)
        yield Picture(
            kind=saliency.kind,
            file=f"{saliency.kind}.png",
            title=saliency.title,
            caption=f"{saliency.caption} {_resolution(maps)} {sanity.sentence}",
            figure=pairs(shown.pixels, shown.chosen, heat, saliency.titles),
            images=tuple(image.name for image in shown.chosen),
            sanity=sanity,
        )
    if checked:
        yield _draw_check(checked)


def _resolution(maps: Tensor) -> str:
    _, rows, columns = maps.shape
    return f"A map has {rows} x {columns} places and is scaled to its own range."


def _draw_check(outcomes: dict[str, Sanity]) -> Picture:
    failed = [title for title, sanity in outcomes.items() if not sanity.passed]
    verdict = f"Failed by: {', '.join(failed)}." if failed else "All pass."
    return Picture(
        kind="sanity",
        file="sanity.png",
        title="Weight-randomisation check of the saliency pictures",
        caption="Rank correlation of each picture with itself when the weights of a growing share of the "
        "layers, from the last to the first, are shuffled (Adebayo et al. 2018). A picture of what was "
        f"learnt falls; one that ends above {LARGEST_SIMILARITY} fails. {verdict}",
        figure=_draw_curves(outcomes),
    )


def _draw_curves(outcomes: dict[str, Sanity]) -> Figure:
    with style():
        figure = new_figure(4.6, 2.8)
        axes = figure.subplots()
        for (title, sanity), dashes in zip(
            outcomes.items(), cycle(("-", "--", "-.", ":")), strict=False
        ):
            name = title if sanity.passed else f"{title} (fails)"
            axes.plot(sanity.shares, sanity.similarity, ls=dashes, marker="o", ms=3, label=name)
        axes.axhline(LARGEST_SIMILARITY, color=MUTED, lw=0.8, ls=(0, (1, 2)))
        axes.set(
            xlabel="share of layers with shuffled weights, from the last",
            ylabel="rank correlation",
            xlim=(0, 1),
            ylim=(min(-0.25, *(min(s.similarity) - 0.05 for s in outcomes.values())), 1.02),
        )
        axes.legend(frameon=False, fontsize=7)
    return figure

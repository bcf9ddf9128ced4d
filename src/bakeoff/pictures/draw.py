"""Draws all pictures of one run as files, with an index of what each one shows."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bakeoff.config.experiment import Experiment, Run
from bakeoff.files import write_json
from bakeoff.layout import Layout
from bakeoff.pace import Due
from bakeoff.pictures.alignment import draw_alignment
from bakeoff.pictures.attention_maps import draw_attention_maps
from bakeoff.pictures.choice import rule
from bakeoff.pictures.class_scores import draw_class_scores
from bakeoff.pictures.drawing import Picture
from bakeoff.pictures.logit_lens import draw_logit_lens
from bakeoff.pictures.patch_grid import draw_patch_grid
from bakeoff.pictures.positions import draw_positions
from bakeoff.pictures.saliency import draw_saliency
from bakeoff.pictures.subject import Subject, open_subject
from bakeoff.plotting import save
from bakeoff.training.randomness import refusals_explained

log = logging.getLogger(__name__)

EACH = 2  # test images of every outcome


@refusals_explained()
def draw_pictures(experiment: Experiment, run: Run, layout: Layout, *, each: int = EACH) -> Path:
    """Write figures/*.png and figures/index.json of a run that was evaluated; returns the index.

    It draws the kinds that the model supports, and removes those of an earlier call. Raises
    EvaluationError before the evaluate stage, CheckpointError, DataError, or TrainingError where a gradient
    has no deterministic form.
    """
    subject = open_subject(experiment, run, layout, each)
    index = layout.run(run.variant.name, run.seed).pictures
    folder = index.parent
    pictures = []
    due = Due()
    for picture in every_picture(subject):
        if due():
            log.info("%s is drawn.", picture.title)
        save(picture.figure, folder / picture.file)
        pictures.append(describe(picture))
    kept = {picture["file"] for picture in pictures}
    for leftover in folder.glob("*.png"):
        if leftover.name not in kept:
            leftover.unlink()
    write_json(
        index,
        {
            "rule": rule(subject.task),
            "threshold": subject.threshold,  # null where there are several scores, or no threshold
            "thresholds": subject.thresholds,
            "images": [image.as_json() for image in subject.chosen],
            "pictures": pictures,
        },
    )
    return index


def every_picture(subject: Subject) -> Iterator[Picture]:
    """The pictures that the subject's model supports, in the order of the report."""
    if (grid := draw_patch_grid(subject)) is not None:
        yield grid
    yield draw_class_scores(subject)
    if (positions := draw_positions(subject.model)) is not None:
        yield positions
    if (lens := draw_logit_lens(subject)) is not None:
        yield lens
    yield from draw_attention_maps(subject)
    if (alignment := draw_alignment(subject)) is not None:
        yield alignment
    yield from draw_saliency(subject)


def describe(picture: Picture) -> dict[str, Any]:
    """A picture's entry in the index: file, kind, title, caption, images, and its sanity check or null."""
    sanity = picture.sanity
    return {
        "file": picture.file,
        "kind": picture.kind,
        "title": picture.title,
        "caption": picture.caption,
        "images": list(picture.images),
        "sanity": None
        if sanity is None
        else {
            "passed": sanity.passed,
            "sentence": sanity.sentence,
            "shares": list(sanity.shares),
            "similarity": list(sanity.similarity),
            "across_images": sanity.across,
        },
    }

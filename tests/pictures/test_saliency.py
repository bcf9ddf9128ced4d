"""Whose score a saliency picture explains."""

from dataclasses import replace

import numpy as np
import torch

from bakeoff.models.registry import Task, build
from bakeoff.pictures.choice import Chosen
from bakeoff.pictures.grad_cam import grad_cam
from bakeoff.pictures.log_odds import log_odds
from bakeoff.pictures.saliency import kinds
from bakeoff.pictures.subject import Subject
from bakeoff.task.losses import loss_of
from bakeoff.task.multiclass import MulticlassTask
from bakeoff.task.outcomes import outcomes_of
from tests.pictures.conftest import subject_of

TASK = MulticlassTask(("pizza", "steak", "sushi"))
LABELS, CALLED = (
    np.array([0, 1, 2, 2]),
    np.array([0, 2, 2, 1]),
)  # the second and the fourth are wrong


def three_classes() -> Subject:
    torch.manual_seed(0)
    model = build("conv", Task(1, 96, 3, TASK.names, scored="exclusive"), {}).eval()
    scores = 0.7 * np.eye(3)[CALLED] + 0.1
    cases = sorted(
        (case for group in outcomes_of(TASK).cases(LABELS, CALLED) for case in group),
        key=lambda case: case.row,
    )
    return replace(
        subject_of(model, size=96),
        task=TASK,
        loss=loss_of(TASK, "cross_entropy"),
        chosen=tuple(Chosen(f"{c.row}.png", c, 0.8, TASK.names[c.score]) for c in cases),
        labels=LABELS,
        scores=scores,
        thresholds={},
    )


def test_it_is_the_class_that_is_called_and_where_that_is_wrong_the_true_one_too() -> None:
    subject = three_classes()
    pictures = {picture.kind: picture for picture in kinds(subject)}
    called, truth = pictures["grad-cam"], pictures["grad-cam-truth"]
    assert called.titles == ("for pizza", "for sushi", "for sushi", "for steak")
    assert truth.rows == [1, 3] and truth.titles == ("for steak, 0.10", "for sushi, 0.10")
    for picture, explained in ((called, dict(enumerate(CALLED))), (truth, {1: 1, 3: 2})):
        maps = picture.maps(subject.model, subject.images)
        assert maps is not None and len(maps) == len(explained)
        for found, (row, at) in zip(maps, explained.items(), strict=True):
            alone = grad_cam(
                subject.model,
                subject.images[[row]],
                lambda m, x, at=int(at): log_odds(m, x, torch.tensor([at]), TASK, subject.loss),
            )
            assert alone is not None
            torch.testing.assert_close(found, alone[0], atol=1e-6, rtol=1e-4)


def test_where_all_are_called_right_there_is_no_second_picture() -> None:
    subject = three_classes().at([0, 2])
    assert "grad-cam-truth" not in [picture.kind for picture in kinds(subject)]

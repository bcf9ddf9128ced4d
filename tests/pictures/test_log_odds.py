"""The score that is explained: log p / (1 - p) of one class or finding of each image, of every model."""

from typing import Any

import pytest
import torch

from bakeoff.models.registry import OwnObjective, Targets, Task, build
from bakeoff.pictures.log_odds import log_odds
from bakeoff.task.classification import ClassificationTask
from bakeoff.task.losses import loss_of
from bakeoff.task.multiclass import MulticlassTask
from bakeoff.task.multilabel import MultilabelTask
from tests.pictures.conftest import BINARY, TRANSFORMER, VIT

NAMES = ("Effusion", "Mass", "Nodule")
TASKS: tuple[ClassificationTask, ...] = (BINARY, MulticlassTask(NAMES), MultilabelTask(NAMES))
MODELS: dict[str, dict[str, Any]] = {
    "vit_b16": VIT,
    "si_vit": {**VIT, "instance": 16},
    "rnn_attention": {"patch": 8, "hidden": 8},
    "transformer": TRANSFORMER,
}
IMAGES = torch.rand(3, 1, 32, 32, generator=torch.Generator().manual_seed(1))
CASES = [
    (model, task, loss)
    for model in MODELS
    for task in TASKS
    for loss in task.losses
    if (model, task.kind) != ("si_vit", "multilabel")
]


@pytest.mark.parametrize(
    ("name", "task", "loss"), CASES, ids=lambda case: getattr(case, "kind", case)
)
def test_it_is_that_of_the_probability_that_the_model_gives(
    name: str, task: ClassificationTask, loss: str
) -> None:
    torch.manual_seed(0)
    wanted = Task(
        1,
        32,
        loss_of(task, loss).outputs,
        task.vocabulary,
        negatives=task.negatives,
        scored=task.scored_as,
    )
    model = build(name, wanted, MODELS[name]).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if not bool(parameter.any()):
                parameter.normal_(std=0.5)
    at = torch.arange(3) % len(task.scored)
    if isinstance(model, OwnObjective):
        nothing = Targets(torch.tensor(task.unlabelled(3)), torch.zeros(3, len(task.vocabulary)))
        _, scores = model.objective(IMAGES, nothing)
    else:
        scores = loss_of(task, loss).scores(model(IMAGES))
    explained = scores.reshape(3, -1)[torch.arange(3), at]
    images = IMAGES.clone().requires_grad_()
    found = log_odds(model, images, at, task, loss_of(task, loss))
    torch.testing.assert_close(found.sigmoid(), explained)
    (gradient,) = torch.autograd.grad(found.sum(), images)
    assert bool(gradient.flatten(1).any(dim=1).all()), "every image has something to explain"

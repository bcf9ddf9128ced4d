"""Every model of the zoo learns one class of three and any of five findings, in grey and in colour."""

from collections.abc import Iterable
from dataclasses import replace
from itertools import product
from typing import Any, get_args

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bakeoff.errors import ConfigError
from bakeoff.models.catalogue import entries, unfit
from bakeoff.models.registry import OwnObjective, Targets, Task, build
from bakeoff.task.classification import Scored
from tests.models.computed import FAMILIES, cases

CLASSES = ("pizza", "steak", "sushi")
FINDINGS = ("Atelectasis", "Effusion", "Infiltration", "Mass", "Nodule")
MODELS = [one for name in entries() for one in FAMILIES.get(name, (name,))]


def small(name: str, scored: Scored, channels: int) -> tuple[Task, dict[str, Any]]:
    """The task and the options of a small one of a model."""
    _, task, options = next(iter(cases(name)))
    named = CLASSES if scored == "exclusive" else FINDINGS
    changed = replace(task, channels=channels, outputs=len(named), findings=named)
    return replace(changed, negatives=0, scored=scored), options


def batch(task: Task) -> tuple[Tensor, Targets]:
    """Four images: one of each class and one more, or without any finding, with one, with two, with all."""
    draw = torch.Generator().manual_seed(0)
    images = torch.rand(4, task.channels, task.size, task.size, generator=draw)
    if task.scored == "exclusive":
        labels = torch.tensor([0, 1, 2, 1])
        return images, Targets(labels, F.one_hot(labels, 3).float())
    labels = torch.tensor([[0, 0, 0, 0, 0], [0, 1, 0, 0, 0], [1, 0, 0, 1, 0], [1, 1, 1, 1, 1]])
    return images, Targets(labels, labels.float())


def loss_of(model: nn.Module, task: Task, images: Tensor, targets: Targets) -> Tensor:
    if isinstance(model, OwnObjective):
        return model.objective(images, targets)[0]
    logits: Tensor = model(images)
    assert logits.shape == (4, task.outputs)
    if task.scored == "exclusive":
        return F.cross_entropy(logits, targets.labels)
    return F.binary_cross_entropy_with_logits(logits, targets.labels.float())


def kinds_of(names: Iterable[str]) -> list[tuple[str, Scored]]:
    """Every model with what of an image it can score, but for the one score of a binary task."""
    scored: tuple[Scored, ...] = ("exclusive", "independent")
    return [(name, kind) for name, kind in product(names, scored) if unfit(name, kind) is None]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("name", "scored"), kinds_of(MODELS))
def test_a_few_steps_bring_the_loss_down(name: str, scored: Scored, channels: int) -> None:
    task, options = small(name, scored, channels)
    torch.manual_seed(0)
    model = build(name, task, options).train()
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=1e-3)
    losses = []
    for _ in range(5):
        torch.manual_seed(1)  # of dropout and the like
        loss = loss_of(model, task, *batch(task))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]


OWN_CASES = kinds_of(name for name, entry in entries().items() if entry.objective != "loss")


@pytest.mark.parametrize(("name", "scored"), OWN_CASES)
def test_scores_are_of_each_class_or_finding_and_see_no_target(name: str, scored: Scored) -> None:
    task, options = small(name, scored, 1)
    torch.manual_seed(0)
    model: Any = build(name, task, options).eval()
    images, targets = batch(task)
    scores = model.objective(images, targets)[1]
    assert scores.shape == (4, task.outputs) and scores.dtype == torch.float32
    assert bool((scores > 0).all() and (scores < 1).all())
    if scored == "exclusive":
        torch.testing.assert_close(scores.sum(dim=1), torch.ones(4))
    blank = Targets(torch.zeros_like(targets.labels), torch.zeros_like(targets.findings))
    assert torch.equal(model.objective(images, blank)[1], scores)


@pytest.mark.slow(seconds=5)
@pytest.mark.parametrize(("name", "scored"), OWN_CASES)
def test_sixteen_images_are_learned_by_heart(name: str, scored: Scored) -> None:
    task, options = small(name, scored, 3)
    draw = torch.Generator().manual_seed(0)
    images = torch.rand(16, 3, 8, 8, generator=draw)
    images = F.interpolate(images, task.size, mode="bilinear")
    labels = torch.arange(16) % 3
    targets = Targets(labels, F.one_hot(labels, 3).float())
    if scored == "independent":
        labels = (torch.rand(16, 5, generator=draw) < 0.3).long()
        targets = Targets(labels, labels.float())
    if name == "transformer":
        options |= {"norm": "pre", "dropout": 0.0}  # neither a warm-up nor many steps
    torch.manual_seed(0)
    model: Any = build(name, task, options)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(300):
        optimizer.zero_grad()
        model.train().objective(images, targets)[0].backward()
        optimizer.step()
        with torch.no_grad():
            scores = model.eval().objective(images, targets)[1]
        said = scores.argmax(dim=1) if scored == "exclusive" else (scores > 0.5).long()
        if torch.equal(said, labels):
            return
    raise AssertionError(f"{int((said != labels).sum())} labels are not learned in 300 steps")


@pytest.mark.parametrize("scored", get_args(Scored))
def test_a_model_that_learns_shares_of_one_class_is_refused_where_findings_are_many(
    scored: Scored,
) -> None:
    refused = {name for name in MODELS if unfit(name, scored)}
    assert refused == ({"si_vit"} if scored == "independent" else set())
    if refused:
        task, options = small("si_vit", scored, 1)
        with pytest.raises(ConfigError, match=r"model 'si_vit': learns how much .* take another"):
            build("si_vit", task, options)

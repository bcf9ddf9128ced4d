"""Instances change places and keep their labels; two heads learn from three losses."""

import pytest
import torch
import torch.nn.functional as F

from bakeoff.errors import ConfigError
from bakeoff.models.instances import (
    bag_labels,
    compose,
    cut,
    draw_order,
    instance_labels,
    regroup,
)
from bakeoff.models.registry import OwnObjective, Targets, Task, build
from bakeoff.models.si_vit import ShuffledInstanceViT
from tests.models.parity import images, randomise

SMALL = {"depth": 2, "width": 48, "heads": 4}
TASK = Task(1, 64, 2)
TARGETS = Targets(torch.tensor([0, 1, 1]), torch.zeros(3, 2))


def si_vit(**options: int | float | bool) -> ShuffledInstanceViT:
    model = build("si_vit", TASK, {**SMALL, **options})
    assert isinstance(model, ShuffledInstanceViT) and isinstance(model, OwnObjective)
    return model


@pytest.mark.parametrize(("size", "composition"), [(224, 14_761_841), (384, 127_486_371)])
def test_the_composition_head_is_as_large_as_the_authors(size: int, composition: int) -> None:
    with torch.device("meta"):
        model = build("si_vit", Task(3, size, 2), {})
    assert sum(p.numel() for p in model.composition.parameters()) == composition


@pytest.mark.parametrize("channels", [1, 3])
def test_composing_undoes_cutting(channels: int) -> None:
    x = images(Task(channels, 96), 3)
    instances = cut(x, 32)
    assert instances.shape == (3, 9, channels, 32, 32)
    assert torch.equal(instances[0, 1], x[0, :, :32, 32:64])
    assert torch.equal(compose(instances, 3), x)


def test_an_order_of_its_own_place_is_the_identity_and_every_order_can_be_undone() -> None:
    instances = cut(images(Task(1, 64), 3), 32)
    assert torch.equal(regroup(instances, torch.arange(12)), instances)
    order = draw_order(instances)
    dealt = regroup(instances, order)
    assert not torch.equal(dealt, instances)
    assert torch.equal(regroup(dealt, order.argsort()), instances)


def test_shuffling_moves_label_mass_and_loses_none() -> None:
    labels = instance_labels(torch.tensor([0, 1, 1]), 2, 4)
    whole = bag_labels(labels)
    assert whole.tolist() == [[1, 1, 0], [1, 0, 1], [1, 0, 1]]
    dealt = bag_labels(regroup(labels, draw_order(labels)))
    torch.testing.assert_close(dealt.sum(0), whole.sum(0))
    torch.testing.assert_close(dealt[:, 0], dealt[:, 1:].sum(1))


def test_the_label_says_of_what_the_image_is_made() -> None:
    """Images that are all 0 or all 1: after shuffling the mean pixel is the share of class 1."""
    y = torch.tensor([0, 1, 1, 0])
    x = y.float().view(4, 1, 1, 1).expand(4, 1, 96, 96)
    instances, labels = cut(x, 32), instance_labels(y, 2, 9)
    order = draw_order(instances)
    mixed = compose(regroup(instances, order), 3)
    torch.testing.assert_close(mixed.mean(dim=(1, 2, 3)), bag_labels(regroup(labels, order))[:, 2])


def test_the_loss_is_the_sum_of_three() -> None:
    model = randomise(si_vit(composition_weight=2.0, shuffled_weight=3.0)).train()
    x = images(TASK, 3)
    torch.manual_seed(5)
    loss, scores = model.objective(x, TARGETS)
    torch.manual_seed(5)
    order = draw_order(cut(x, 32))
    mixed = compose(regroup(cut(x, 32), order), 2)
    labels = instance_labels(TARGETS.labels, 2, 4)
    tokens, shuffled = model.vit.tokens(x), model.vit.tokens(mixed)
    expected = (
        F.cross_entropy(model(x), TARGETS.labels)
        + 2 * (model.composition(tokens[:, 1:]) - bag_labels(labels)).abs().mean()
        + 3 * (model.composition(shuffled[:, 1:]) - bag_labels(regroup(labels, order))).abs().mean()
    )
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(scores, model(x).softmax(1)[:, 1])


def test_three_classes_have_soft_labels_and_a_score_each() -> None:
    task = Task(1, 64, 3, ("pizza", "steak", "sushi"), negatives=0, scored="exclusive")
    model = randomise(build("si_vit", task, SMALL)).train()
    labels, x = torch.tensor([2, 0, 1, 2]), images(task, 4)
    torch.manual_seed(5)
    loss, scores = model.objective(x, Targets(labels, F.one_hot(labels, 3).float()))
    torch.manual_seed(5)
    order = draw_order(cut(x, 32))
    shares = instance_labels(labels, 3, 4)
    whole, dealt = bag_labels(shares), bag_labels(regroup(shares, order))
    assert whole.tolist() == [[1, 0, 0, 1], [1, 1, 0, 0], [1, 0, 1, 0], [1, 0, 0, 1]]
    mixed = compose(regroup(cut(x, 32), order), 2)
    torch.testing.assert_close(
        loss,
        F.cross_entropy(model(x), labels)
        + (model.composition(model.vit.tokens(x)[:, 1:]) - whole).abs().mean()
        + (model.composition(model.vit.tokens(mixed)[:, 1:]) - dealt).abs().mean(),
    )
    torch.testing.assert_close(scores, model(x).softmax(dim=1))


@pytest.mark.parametrize("outputs", [1, 2])
def test_a_binary_task_has_two_classes_whatever_the_loss_asks_of_other_models(outputs: int) -> None:
    model = randomise(build("si_vit", Task(1, 64, outputs), SMALL))
    loss, scores = model.objective(images(TASK, 3), TARGETS)
    assert model(images(TASK, 3)).shape == (3, 2) and scores.shape == (3,) and loss.ndim == 0


def test_with_shuffling_off_training_sees_what_evaluation_sees() -> None:
    model = randomise(si_vit(shuffle=False))
    evaluated = model.eval().objective(images(TASK, 3), TARGETS)
    torch.testing.assert_close(model.train().objective(images(TASK, 3), TARGETS), evaluated)
    shuffling = randomise(si_vit()).train()
    assert shuffling.objective(images(TASK, 3), TARGETS)[0] > evaluated[0]


def test_scores_do_not_look_at_the_targets_and_evaluation_draws_nothing() -> None:
    model = randomise(si_vit()).eval()
    state = torch.get_rng_state()
    _, scores = model.objective(images(TASK, 3), TARGETS)
    other = Targets(1 - TARGETS.labels, TARGETS.findings)
    assert torch.equal(model.objective(images(TASK, 3), other)[1], scores)
    assert torch.equal(torch.get_rng_state(), state)


def test_a_seed_fixes_the_shuffle_and_gradients_reach_every_weight() -> None:
    losses = []
    for _ in range(2):
        model = randomise(si_vit()).train()
        torch.manual_seed(7)
        loss, _ = model.objective(images(TASK, 3), TARGETS)
        losses.append(loss)
    assert torch.equal(*losses)
    loss.backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())


def test_instances_that_do_not_tile_the_image_are_an_error() -> None:
    with pytest.raises(ConfigError, match="32 pixels do not tile an image of 80"):
        build("si_vit", Task(1, 80, 2), SMALL)

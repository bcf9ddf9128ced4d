"""The losses of each kind of task: by definition, pairs that must agree, and their probabilities."""

import numpy as np
import pytest
import torch
from sklearn import metrics as sk
from torch import nn

from bakeoff.task.binary import BinaryTask
from bakeoff.task.classification import ClassificationTask
from bakeoff.task.losses import loss_of, losses_of
from bakeoff.task.multiclass import MulticlassTask
from bakeoff.task.multilabel import MultilabelTask

LOSSES = losses_of(BinaryTask())

LABELS = torch.tensor([0, 1, 1, 0, 1])


def logits(outputs: int) -> torch.Tensor:
    return torch.randn(5, outputs, generator=torch.Generator().manual_seed(1)) * 3


def test_nll_on_log_softmax_is_cross_entropy() -> None:
    z = logits(2)
    assert torch.allclose(
        LOSSES["nll"].value(z, LABELS), LOSSES["cross_entropy"].value(z, LABELS), atol=1e-6
    )
    wrong = nn.functional.nll_loss(z.softmax(dim=1), LABELS)  # what the seed's slide says
    assert not torch.allclose(LOSSES["nll"].value(z, LABELS), wrong, atol=0.1)


def test_bce_on_a_sigmoid_is_bce_with_logits() -> None:
    z = logits(1)
    assert torch.allclose(
        LOSSES["bce"].value(z, LABELS), LOSSES["bce_with_logits"].value(z, LABELS), atol=1e-6
    )


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_falls_as_the_probability_of_the_right_class_rises(name: str) -> None:
    loss = LOSSES[name]
    z = logits(loss.outputs).requires_grad_()
    before = loss.value(z, LABELS)
    before.backward()
    better = (z - 0.5 * z.grad).detach()
    assert loss.value(better, LABELS) < before
    right = torch.where(LABELS == 1, loss.scores(better), 1 - loss.scores(better))
    assert (right >= torch.where(LABELS == 1, loss.scores(z), 1 - loss.scores(z))).all()


@pytest.mark.parametrize("name", LOSSES)
def test_probabilities_stay_between_zero_and_one_at_extreme_logits(name: str) -> None:
    loss = LOSSES[name]
    extreme = torch.full((2, loss.outputs), 100.0)
    extreme[0] *= -1
    assert torch.isfinite(loss.scores(extreme)).all()
    assert torch.isfinite(loss.value(extreme, torch.tensor([1, 0])))


TASKS = (BinaryTask(), MulticlassTask(("a", "b", "c")), MultilabelTask(("a", "b", "c")))


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.kind)
def test_log_odds_are_those_of_the_score_and_stay_exact_where_it_is_all_but_sure(
    task: ClassificationTask,
) -> None:
    for loss in losses_of(task).values():
        z = logits(loss.outputs)
        scores = loss.scores(z.double()).reshape(5, -1).double()
        for at in range(len(task.scored)):
            found = loss.log_odds(z, torch.full((5,), at))
            torch.testing.assert_close(
                found.double(), torch.logit(scores[:, at]), rtol=1e-5, atol=1e-5
            )
        sure = torch.zeros(1, loss.outputs)
        sure[0, -1] = 60.0  # the probability is 1, to the last bit
        last = torch.tensor([len(task.scored) - 1])
        rivals = max(1, loss.outputs - 1) if task.kind != "multilabel" else 1
        expected = 60.0 - torch.tensor(float(rivals)).log()
        torch.testing.assert_close(loss.log_odds(sure, last), expected[None])


def test_of_two_outputs_log_odds_are_their_difference() -> None:
    z = logits(2)
    zero = torch.zeros(5, dtype=torch.int64)
    assert torch.equal(LOSSES["cross_entropy"].log_odds(z, zero), z[:, 1] - z[:, 0])


KINDS = {
    "binary": (BinaryTask(), LABELS),
    "multiclass": (MulticlassTask(("a", "b", "c", "d")), torch.tensor([3, 0, 1, 1, 2])),
    "multilabel": (
        MultilabelTask(("x", "y", "z")),
        torch.tensor([[1, 0, 1], [0, 0, 0], [0, 1, 0], [1, 1, 1], [0, 0, 1]]),
    ),
}
EVERY = [(kind, name) for kind, (task, _) in KINDS.items() for name in task.losses]


@pytest.mark.parametrize(("kind", "name"), EVERY)
def test_a_loss_is_the_log_loss_of_its_scores(kind: str, name: str) -> None:
    """By scikit-learn, over every class or finding."""
    task, labels = KINDS[kind]
    loss = loss_of(task, name)
    z = logits(loss.outputs)
    scores = loss.scores(z).double().numpy()
    if kind == "multiclass":
        assert scores.shape == (5, 4) and scores.sum(axis=1) == pytest.approx(np.ones(5))
        expected = sk.log_loss(labels, scores / scores.sum(axis=1, keepdims=True))
    else:
        assert scores.shape == tuple(labels.shape)
        expected = sk.log_loss(labels.ravel(), scores.ravel())
    assert float(loss.value(z, labels)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_a_task_lists_the_losses_that_there_are_for_it_and_refuses_others(kind: str) -> None:
    task: ClassificationTask = KINDS[kind][0]
    assert tuple(losses_of(task)) == task.losses
    for other, _ in KINDS.values():
        for name in set(other.losses) - set(task.losses):
            with pytest.raises(ValueError, match=f"does not fit a {kind} task; {task.losses[0]}"):
                loss_of(task, name)


def test_the_scores_of_findings_are_independent_and_those_of_classes_are_not() -> None:
    z = logits(3)
    more = z + torch.tensor([5.0, 0.0, 0.0])
    findings = loss_of(MultilabelTask(("x", "y", "z")), "bce_with_logits").scores
    assert torch.equal(findings(more)[:, 1:], findings(z)[:, 1:])
    classes = loss_of(MulticlassTask(("a", "b", "c")), "cross_entropy").scores
    assert (classes(more)[:, 1:] < classes(z)[:, 1:]).all()


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.kind)
def test_logits_that_are_no_numbers_make_a_loss_that_is_none(task: ClassificationTask) -> None:
    """The kernel of BCE refuses them itself, and on a GPU nothing of the process goes on after that."""
    for loss in losses_of(task).values():
        z = logits(loss.outputs)
        z[2] = torch.nan
        labels = LABELS if task.kind != "multilabel" else LABELS[:, None].expand(5, 3)
        assert loss.value(z, labels).isnan()


def test_looking_for_no_numbers_changes_no_bit_of_bce() -> None:
    z = (logits(1) * 20).requires_grad_()  # some are all but sure
    plain = nn.functional.binary_cross_entropy(z[:, 0].sigmoid(), LABELS.float())
    found = LOSSES["bce"].value(z, LABELS)
    assert torch.equal(found, plain)
    assert torch.equal(*(torch.autograd.grad(loss, z)[0] for loss in (found, plain)))


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_is_float32_where_the_model_is_not(name: str) -> None:
    z = logits(LOSSES[name].outputs).bfloat16()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = LOSSES[name].value(z, LABELS)
    torch.testing.assert_close(found, LOSSES[name].value(z.float(), LABELS))

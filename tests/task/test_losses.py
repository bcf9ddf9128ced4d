"""The four losses of the seed: pairs that must agree, and their probabilities."""

import pytest
import torch
from torch import nn

from bakeoff.task.binary import BinaryTask
from bakeoff.task.losses import losses_of

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

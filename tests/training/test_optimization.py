"""Learning rates as a function of the step, and what the optimizers do with weight decay."""

from itertools import pairwise

import pytest
import torch
from torch import nn

from bakeoff.config.schema import Training
from bakeoff.training.optimization import learning_rate, make_optimizer


def rates(**keys: object) -> list[float]:
    training = Training.model_validate({"lr": 1.0, **keys})
    return [learning_rate(training, step, 100) for step in range(100)]


def test_a_constant_rate_is_constant() -> None:
    assert set(rates()) == {1.0}


def test_warm_up_rises_linearly_to_the_full_rate() -> None:
    warmed = rates(warmup=0.1)
    assert warmed[:10] == pytest.approx([0.1 * n for n in range(1, 11)])
    assert warmed[10:] == [1.0] * 90


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
def test_a_decay_falls_from_the_full_rate_nearly_to_zero(schedule: str) -> None:
    decayed = rates(schedule=schedule, warmup=0.1)
    assert decayed[10] == 1.0
    assert all(later < earlier for earlier, later in pairwise(decayed[10:]))
    assert 0 < decayed[-1] < 0.02


def test_half_a_cosine_is_half_way_down_in_the_middle() -> None:
    assert rates(schedule="cosine")[50] == pytest.approx(0.5)


def test_only_adamw_decouples_weight_decay() -> None:
    """With a zero gradient AdamW shrinks a weight by lr·decay; Adam's L2 goes through its moments."""
    shrunk = {}
    for name in ("adam", "adamw"):
        weight = nn.Parameter(torch.ones(1))
        optimizer = make_optimizer([weight], Training(optimizer=name, lr=0.1, weight_decay=0.3))
        weight.grad = torch.zeros(1)
        optimizer.step()
        shrunk[name] = weight.item()
    assert shrunk["adamw"] == pytest.approx(1 - 0.1 * 0.3)
    assert shrunk["adam"] == pytest.approx(1 - 0.1, rel=1e-3)


def test_frozen_weights_are_not_given_to_the_optimizer() -> None:
    frozen, free = nn.Parameter(torch.ones(1), requires_grad=False), nn.Parameter(torch.ones(1))
    groups = make_optimizer([frozen, free], Training()).param_groups
    assert [id(p) for g in groups for p in g["params"]] == [id(free)]

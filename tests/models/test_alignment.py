"""Both alignments, by hand and by their definitions."""

import math

import pytest
import torch

from bakeoff.models.alignment import AdditiveAlignment, DotAlignment, make_alignment


def test_the_additive_alignment_by_hand() -> None:
    align = AdditiveAlignment(1, 1, 2)
    with torch.no_grad():
        align.of_state.weight.copy_(torch.tensor([[1.0], [2.0]]))
        align.of_query.weight.copy_(torch.tensor([[0.5], [-1.0]]))
        align.score.weight.copy_(torch.tensor([[3.0, 1.0]]))
    states, query = torch.tensor([[[0.2], [-0.4]]]), torch.tensor([[0.6]])
    scores = [3 * math.tanh(h + 0.3) + math.tanh(2 * h - 0.6) for h in (0.2, -0.4)]
    total = sum(map(math.exp, scores))
    expected = torch.tensor([[math.exp(score) / total for score in scores]])
    assert torch.allclose(align(align.keys(states), query), expected)


def test_the_dot_alignment_by_hand() -> None:
    align = DotAlignment(1, 1, 4)
    with torch.no_grad():
        align.key.weight.copy_(torch.tensor([[1.0], [0.0], [2.0], [0.0]]))
        align.query.weight.copy_(torch.tensor([[3.0], [9.0], [-1.0], [9.0]]))
    states, query = torch.tensor([[[0.2], [-0.4], [1.0]]]), torch.tensor([[0.6]])
    # k^T q = h s (1 * 3 + 2 * -1) = h s; divided by sqrt(4)
    expected = torch.tensor([[h * 0.6 / 2 for h in (0.2, -0.4, 1.0)]]).softmax(dim=1)
    assert torch.allclose(align(align.keys(states), query), expected)


def test_the_additive_alignment_is_the_concatenation_of_the_seed() -> None:
    """v^T tanh(W [h; s]) with W = [W_h W_s]."""
    torch.manual_seed(0)
    align = AdditiveAlignment(5, 3, 7)
    states, query = torch.randn(2, 6, 5), torch.randn(2, 3)
    joined = torch.cat([states, query[:, None].expand(-1, 6, -1)], dim=2)
    weight = torch.cat([align.of_state.weight, align.of_query.weight], dim=1)
    expected = (torch.tanh(joined @ weight.T) @ align.score.weight.T)[..., 0]
    assert torch.allclose(align.scores(align.keys(states), query), expected, atol=1e-6)


@pytest.mark.parametrize("name", ["additive", "dot"])
def test_weights_are_positive_and_sum_to_one_and_follow_the_states(name: str) -> None:
    torch.manual_seed(0)
    align = make_alignment(name, states=5, query=3, width=7)
    states, query = torch.randn(4, 9, 5), torch.randn(4, 3)
    weights = align(align.keys(states), query)
    assert weights.shape == (4, 9) and bool((weights > 0).all())
    assert torch.allclose(weights.sum(dim=1), torch.ones(4))
    order = torch.randperm(9)
    assert torch.allclose(align(align.keys(states[:, order]), query), weights[:, order])

"""Attention of one sequence to another, against torch.nn.MultiheadAttention."""

import pytest
import torch
from torch import nn

from bakeoff.errors import ConfigError
from bakeoff.models.cross_attention import CrossAttention


def copied(reference: nn.MultiheadAttention, *, causal: bool) -> CrossAttention:
    ours = CrossAttention(reference.embed_dim, reference.num_heads, causal=causal)
    weights = dict(reference.named_parameters())
    state = {}
    for kind in ("weight", "bias"):
        parts = weights[f"in_proj_{kind}"].chunk(3)
        for name, part in zip(("query", "key", "value"), parts, strict=True):
            state[f"{name}.{kind}"] = part
        state[f"projection.{kind}"] = weights[f"out_proj.{kind}"]
    ours.load_state_dict(state, strict=True)
    return ours


@pytest.mark.parametrize("causal", [False, True])
def test_output_and_weights_are_those_of_torch(causal: bool) -> None:
    torch.manual_seed(0)
    reference = nn.MultiheadAttention(24, 4, batch_first=True)
    nn.init.normal_(reference.in_proj_bias)
    nn.init.normal_(reference.out_proj.bias)
    x = torch.randn(2, 5, 24)
    y = x if causal else torch.randn(2, 9, 24)
    mask = nn.Transformer.generate_square_subsequent_mask(5) if causal else None
    expected, weights = reference(x, y, y, attn_mask=mask, average_attn_weights=False)
    ours = copied(reference, causal=causal)
    assert (ours(x, y) - expected).abs().max() < 1e-5
    assert (ours.weights(x, y) - weights).abs().max() < 1e-6
    other = copied(reference, causal=not causal)
    if causal:
        assert (other(x, y) - expected).abs().max() > 1e-2, "seeing the future must show"
    values = ours.value(y).view(2, -1, 4, 6).transpose(1, 2)
    joined = (ours.weights(x, y) @ values).transpose(1, 2).flatten(2)
    assert (ours.projection(joined) - ours(x, y)).abs().max() < 1e-5
    assert torch.allclose(ours.weights(x, y).sum(dim=-1), torch.ones(2, 4, 5))


def test_dropout_falls_on_the_weights_in_training_only() -> None:
    torch.manual_seed(0)
    attention = CrossAttention(8, 2, dropout=0.5)
    x, y = torch.randn(1, 3, 8), torch.randn(1, 6, 8)
    assert not torch.equal(attention(x, y), attention(x, y))
    attention.eval()
    assert torch.equal(attention(x, y), attention(x, y))


def test_heads_that_do_not_divide_the_width_are_refused() -> None:
    with pytest.raises(ConfigError, match="3 attention heads do not divide a width of 8"):
        CrossAttention(8, 3)

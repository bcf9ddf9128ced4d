"""Self-attention against torch's and timm's, and against a case computed by hand."""

import math

import pytest
import torch
from timm.layers import Attention
from torch import Tensor, nn

from bakeoff.errors import ConfigError
from bakeoff.models.attention import SelfAttention


@pytest.fixture
def tokens() -> Tensor:
    return torch.randn(2, 7, 24, generator=torch.Generator().manual_seed(0))


def randomised(module: nn.Module) -> nn.Module:
    generator = torch.Generator().manual_seed(1)
    for parameter in module.parameters():
        with torch.no_grad():
            parameter.normal_(std=0.3, generator=generator)
    return module.eval()


def test_it_is_torchs_multi_head_attention(tokens: Tensor) -> None:
    ours = randomised(SelfAttention(24, 4))
    theirs = nn.MultiheadAttention(24, 4, batch_first=True).eval()
    theirs.load_state_dict(
        {
            "in_proj_weight": ours.qkv.weight,
            "in_proj_bias": ours.qkv.bias,
            "out_proj.weight": ours.projection.weight,
            "out_proj.bias": ours.projection.bias,
        },
        strict=True,
    )
    output, weights = theirs(tokens, tokens, tokens, average_attn_weights=False)
    torch.testing.assert_close(ours(tokens), output, atol=1e-5, rtol=0)
    torch.testing.assert_close(ours.weights(tokens), weights, atol=1e-6, rtol=0)


def test_it_is_timms_attention_with_fused_attention_off(tokens: Tensor) -> None:
    ours = randomised(SelfAttention(24, 4))
    theirs = Attention(24, num_heads=4, qkv_bias=True).eval()
    theirs.fused_attn = False
    theirs.load_state_dict(
        {key.replace("projection", "proj"): value for key, value in ours.state_dict().items()},
        strict=True,
    )
    torch.testing.assert_close(ours(tokens), theirs(tokens), atol=1e-5, rtol=0)
    torch.testing.assert_close(ours.attend(tokens)[0], theirs(tokens), atol=1e-5, rtol=0)


def test_rows_sum_to_one_and_the_weights_make_the_output(tokens: Tensor) -> None:
    ours = randomised(SelfAttention(24, 4)).double()
    z = tokens.double()
    weights = ours.weights(z)
    assert weights.shape == (2, 4, 7, 7)
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 4, 7).double())
    v = ours.qkv(z)[..., 48:].view(2, 7, 4, 6).transpose(1, 2)
    through = ours.projection((weights @ v).transpose(1, 2).reshape(2, 7, 24))
    torch.testing.assert_close(ours(z), through, atol=1e-12, rtol=0)


def test_two_tokens_by_hand() -> None:
    """One head of width 1, q = k = v = z: softmax over z_i * z_j, D_h = 1."""
    attention = SelfAttention(1, 1)
    with torch.no_grad():
        attention.qkv.weight.fill_(1.0)
        attention.qkv.bias.zero_()
        attention.projection.weight.fill_(1.0)
        attention.projection.bias.zero_()
    output, weights = attention.attend(torch.tensor([[[0.0], [1.0]]]))
    e = math.e
    expected = torch.tensor([[0.5, 0.5], [1 / (1 + e), e / (1 + e)]])
    torch.testing.assert_close(weights[0, 0], expected)
    torch.testing.assert_close(output[0, :, 0], torch.tensor([0.5, e / (1 + e)]))


def test_dropout_falls_on_the_weights_in_training_only(tokens: Tensor) -> None:
    attention = SelfAttention(24, 4, dropout=0.5)
    assert not torch.equal(attention(tokens), attention(tokens))
    attention.eval()
    assert torch.equal(attention(tokens), attention(tokens))


def test_heads_that_do_not_divide_the_width_are_an_error() -> None:
    with pytest.raises(ConfigError, match="5 attention heads do not divide a width of 24"):
        SelfAttention(24, 5)

"""The network that looks back at all its states: by hand, causal, and able to learn."""

import pytest
import torch

from bakeoff.models.registry import Task, build
from bakeoff.models.rnn_self_attention import RNNSelfAttention
from tests.models.overfit import steps_to_learn

ALIGNMENTS = ["additive", "dot"]


def small(align: str = "dot", channels: int = 1, size: int = 32) -> RNNSelfAttention:
    torch.manual_seed(0)
    task = Task(channels=channels, size=size, outputs=2)
    model = build("rnn_self_attention", task, {"patch": 8, "hidden": 6, "align": align})
    assert isinstance(model, RNNSelfAttention)
    return model


@pytest.mark.parametrize("align", ALIGNMENTS)
def test_contexts_follow_the_equations_step_by_step(align: str) -> None:
    model = small(align)
    sequence = torch.randn(1, 5, 64)
    context, weights = model.read(sequence)
    c, h = torch.zeros(6), []
    a = torch.cat([model.input.weight, model.recurrent.weight], dim=1)  # A of the seed
    for t in range(5):
        h.append(torch.tanh(a @ torch.cat([sequence[0, t], c]) + model.input.bias))
        keys = model.align.keys(torch.stack(h)[None])
        alpha = model.align.scores(keys, h[-1][None])[0].softmax(dim=0)
        c = sum(alpha[i] * h[i] for i in range(t + 1))
        if t == 0:
            assert torch.allclose(c, h[0]), "the first context is the first state"
    assert torch.allclose(context[0], c, atol=1e-6)
    assert torch.allclose(weights[0], alpha, atol=1e-6)
    assert torch.allclose(weights.sum(), torch.tensor(1.0))


def test_the_last_context_sees_every_patch() -> None:
    model = small()
    images = torch.rand(1, 1, 32, 32, requires_grad=True)
    (seen,) = torch.autograd.grad(model(images).sum(), images)
    assert bool((seen != 0).all())


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [16, 45])
def test_any_size_and_either_number_of_channels(channels: int, size: int) -> None:
    assert small(channels=channels, size=size)(torch.rand(2, channels, size, size)).shape == (2, 2)


@pytest.mark.parametrize("align", ALIGNMENTS)
def test_sixteen_images_are_learnt_by_heart(align: str) -> None:
    assert steps_to_learn("rnn_self_attention", {"patch": 8, "hidden": 64, "align": align}) > 0

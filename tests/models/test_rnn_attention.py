"""Sequence to sequence with attention: by hand, causal, and able to learn what it is to emit."""

import pytest
import torch

from bakeoff.models.registry import Task, build
from bakeoff.models.rnn_attention import RNNAttention
from tests.models.overfit import FINDINGS, steps_to_learn

ALIGNMENTS = ["additive", "dot"]


def small(align: str = "additive", channels: int = 1, size: int = 32) -> RNNAttention:
    torch.manual_seed(0)
    task = Task(channels=channels, size=size, outputs=2, findings=FINDINGS)
    model = build("rnn_attention", task, {"patch": 8, "hidden": 12, "align": align})
    assert isinstance(model, RNNAttention)
    return model


@pytest.mark.parametrize("align", ALIGNMENTS)
def test_decoding_follows_the_equations_step_by_step(align: str) -> None:
    model = small(align)
    memory, tokens = torch.randn(2, 16, 12), torch.tensor([[4, 1], [4, 3]])
    logits, weights = model.decode_aligned(memory, tokens)
    a, b = model.step.weight, model.step.bias
    for image in range(2):
        h, s = memory[image], memory[image, -1]  # s_0 = h_m
        for j in range(2):
            keys = model.align.keys(h[None])
            alpha = model.align.scores(keys, s[None])[0].softmax(dim=0)
            c = sum(alpha[i] * h[i] for i in range(16))
            x = model.token.weight[tokens[image, j]]
            s = torch.tanh(a @ torch.cat([x, s, c]) + b)
            assert torch.allclose(weights[image, j], alpha, atol=1e-6)
            assert torch.allclose(
                logits[image, j], model.head.weight @ s + model.head.bias, atol=1e-6
            )


@pytest.mark.parametrize("align", ALIGNMENTS)
def test_the_weights_of_every_emitted_finding_sum_to_one(align: str) -> None:
    model = small(align)
    memory = model.encode(torch.rand(3, 1, 32, 32))
    _, weights = model.decode_aligned(memory, torch.tensor([[4, 0, 1]] * 3))
    assert weights.shape == (3, 3, 16)
    assert torch.allclose(weights.sum(dim=2), torch.ones(3, 3))


def test_what_is_emitted_does_not_depend_on_what_comes_later() -> None:
    model = small()
    memory = model.encode(torch.rand(2, 1, 32, 32))
    one = model.decode(memory, torch.tensor([[4, 1, 2]] * 2))
    other = model.decode(memory, torch.tensor([[4, 1, 3]] * 2))
    assert torch.equal(one[:, :2], other[:, :2]) and not torch.equal(one[:, 2], other[:, 2])


def test_the_decoder_sees_every_patch() -> None:
    model = small()
    images = torch.rand(1, 1, 32, 32, requires_grad=True)
    (seen,) = torch.autograd.grad(model(images).sum(), images)
    assert bool((seen != 0).all())


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [16, 45])
def test_any_size_and_either_number_of_channels(channels: int, size: int) -> None:
    model = small(channels=channels, size=size)
    images = torch.rand(2, channels, size, size)
    assert model(images).shape == (2, 5)
    assert model.emit(images).shape[0] == 2


@pytest.mark.parametrize("align", ALIGNMENTS)
def test_sixteen_images_are_learnt_by_heart(align: str) -> None:
    assert steps_to_learn("rnn_attention", {"patch": 8, "hidden": 64, "align": align}) > 0

"""P(finding) of a decoder: the sum over all that it may emit, and how near a few sequences come to it."""

from itertools import combinations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bakeoff.models.findings_decoder import DECODED, EmitsFindings
from bakeoff.models.findings_marginals import Decode, marginals
from bakeoff.models.registry import Targets, Task, build

IMAGES = 20


class Dependent(nn.Module):
    """A decoder whose next token depends on the image and on all findings before, at random."""

    def __init__(self, findings: int, scale: float = 2.0) -> None:
        super().__init__()
        draw = torch.Generator().manual_seed(findings)
        self.table = nn.Parameter(
            torch.randn(findings + 1, findings + 1, generator=draw) * scale, requires_grad=True
        )

    def forward(self, memory: Tensor, tokens: Tensor) -> Tensor:
        emitted = F.one_hot(tokens, len(self.table)).cumsum(dim=1).float()
        return (emitted @ self.table) * memory[:, :1]


def images(count: int = IMAGES) -> Tensor:
    """A memory (B, 1, 1)."""
    return torch.rand(count, 1, 1, generator=torch.Generator().manual_seed(0)) + 0.5


def summed_over_all(decode: Decode, memory: Tensor, findings: int) -> Tensor:
    """P(finding) (B, F) by every sequence in the order of the vocabulary, each finding as its own state."""
    found = [torch.zeros(len(memory)) for _ in range(findings)]
    for count in range(findings + 1):
        for sequence in combinations(range(findings), count):
            tokens = torch.tensor([[findings, *sequence]]).expand(len(memory), -1)
            logits, likely = decode(memory, tokens), torch.ones(len(memory))
            for place, token in enumerate([*sequence, findings]):
                passed = sequence[place - 1] + 1 if place else 0
                likely = likely * logits[:, place, passed:].softmax(dim=1)[:, token - passed]
            for finding in sequence:
                found[finding] = found[finding] + likely
    return torch.stack(found, dim=1)


def along_the_likeliest(decode: Decode, memory: Tensor, findings: int) -> Tensor:
    """1 - prod_j (1 - P(y_j = f | y_1 ... y_{j-1})) along the likeliest token after the ones before."""
    tokens = torch.full((len(memory), 1), findings)
    ended = torch.zeros(len(memory), 1, dtype=torch.bool)
    without = torch.ones(len(memory), findings)
    for _ in range(findings + 1):
        likely = decode(memory, tokens)[:, -1].softmax(dim=1)
        without = torch.where(ended, without, without * (1 - likely[:, :findings]))
        following = likely.argmax(dim=1, keepdim=True)
        ended |= following == findings
        tokens = torch.cat([tokens, following], dim=1)
    return 1 - without


@pytest.mark.parametrize("findings", [1, 2, 3, 5])
def test_the_sum_is_exact_where_every_sequence_is_decoded(findings: int) -> None:
    decode, memory = Dependent(findings), images()
    exact = summed_over_all(decode, memory, findings)
    every = marginals(decode, memory, findings, 2 ** (findings - 1) - 1)
    torch.testing.assert_close(every, exact)
    assert torch.equal(marginals(decode, memory, findings, 100), every)
    ours, theirs = (torch.autograd.grad(p[:, -1].sum(), decode.table)[0] for p in (every, exact))
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def test_independent_findings_need_no_sequence() -> None:
    """Behind any finding the next one is f with P(f) times the P of none between: so are they in images."""
    chances = torch.tensor([0.3, 0.9, 0.01, 0.5])

    def decode(memory: Tensor, tokens: Tensor) -> Tensor:
        rows = []
        for last in (0, 1, 2, 3, -1):  # token 4 starts
            behind = torch.arange(5) > last
            ends = torch.cat([chances, torch.ones(1)]) * behind
            none = torch.cat([torch.ones(1), (1 - chances * behind[:-1]).cumprod(dim=0)])
            rows.append((ends * none).log())
        return torch.stack(rows)[tokens]

    torch.testing.assert_close(marginals(decode, images(1), 4, 0)[0], chances)


def test_a_finding_that_comes_with_another_is_seen_where_the_likeliest_sequence_has_neither() -> (
    None
):
    def decode(memory: Tensor, tokens: Tensor) -> Tensor:
        start, first = [0.4, 1e-9, 0.6], [1e-9, 1.0, 1e-9]
        return torch.tensor([first, [1e-9, 1e-9, 1.0], start]).log()[tokens]

    expected = torch.tensor([[0.4, 0.4]])
    torch.testing.assert_close(marginals(decode, images(1), 2, 1), expected, rtol=1e-5, atol=1e-5)
    assert along_the_likeliest(decode, images(1), 2)[0, 1] < 1e-6


@pytest.mark.parametrize("scale", [0.5, 2.0, 5.0])
def test_more_sequences_come_nearer_and_a_few_are_nearer_than_the_likeliest(scale: float) -> None:
    """Of logits at random, which depend on what was emitted more than those of a trained decoder do."""
    decode, memory = Dependent(6, scale), images()
    with torch.no_grad():
        exact = summed_over_all(decode, memory, 6)
        off = [float((marginals(decode, memory, 6, n) - exact).abs().mean()) for n in (0, 2, 8, 31)]
        likeliest = (along_the_likeliest(decode, memory, 6) - exact).abs().mean()
    assert off == sorted(off, reverse=True) and off[2] < 0.01 and off[3] < 1e-6
    assert off[2] < likeliest / 4


def test_an_image_has_its_scores_whatever_is_beside_it() -> None:
    decode, memory = Dependent(5), images()
    together = marginals(decode, memory, 5, DECODED)
    for index in (0, 7):
        torch.testing.assert_close(
            marginals(decode, memory[index : index + 1], 5, DECODED)[0], together[index]
        )


@pytest.mark.slow(seconds=3)
@pytest.mark.parametrize("name", ["rnn_attention", "transformer"])
def test_a_trained_decoder_is_scored_to_a_hundredth(name: str) -> None:
    """Six findings of which some come together, learned from the brightness of a corner each."""
    findings = tuple("ABCDEF")
    draw = torch.Generator().manual_seed(0)
    present = (torch.rand(128, 6, generator=draw) < 0.3).float()
    present[:, 3] = present[:, 0]  # comes with the first
    present[:, 5] *= 1 - present[:, 1]  # never with the second
    pixels = torch.rand(128, 1, 16, 16, generator=draw)
    pixels[:, 0, 0, :6] += present * (torch.rand(128, 6, generator=draw) < 0.8)
    options = {"patch": 8}
    if name == "transformer":
        options |= {"width": 32, "heads": 4, "hidden": 32, "encoder_depth": 1, "decoder_depth": 1}
    torch.manual_seed(0)
    task = Task(1, 16, 6, findings, negatives=0, scored="independent")
    model = build(name, task, options)
    assert isinstance(model, EmitsFindings)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(60):
        optimizer.zero_grad()
        loss, scores = model.train().objective(pixels, Targets(present.long(), present))
        assert not scores.requires_grad  # and holds nothing of what was decoded for it
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        _, scores = model.eval().objective(pixels, Targets(present.long(), present))
        memory = model.encode(pixels)
        exact = summed_over_all(model.decode, memory, 6)
        likeliest = along_the_likeliest(model.decode, memory, 6)
    off = (scores - exact).abs().mean()
    assert off < 0.01 and off < (likeliest - exact).abs().mean() / 4

"""How well each state of a sequence fits a query: the two `align` functions of Lab 5 (seed D0:462-500).

Both give weights alpha_1 ... alpha_m that are positive and sum to 1, by a softmax over the sequence.
"""

from typing import Literal

import torch
from torch import Tensor, nn

Align = Literal["additive", "dot"]


class Alignment(nn.Module):
    """alpha_i = align(h_i, s) for all i at once; what depends on h_i alone is computed once, as its key."""

    def keys(self, states: Tensor) -> Tensor:
        """What the scores need of the states h (B, m, H): (B, m, A)."""
        raise NotImplementedError

    def scores(self, keys: Tensor, query: Tensor) -> Tensor:
        """Scores before the softmax, of keys (B, m, A) for the query s (B, S): (B, m)."""
        raise NotImplementedError

    def forward(self, keys: Tensor, query: Tensor) -> Tensor:
        """Weights alpha (B, m) of keys (B, m, A) for the query s (B, S)."""
        return self.scores(keys, query).softmax(dim=1)


class AdditiveAlignment(Alignment):
    """Option 1, arXiv 1409.0473: score_i = v^T tanh(W [h_i; s]) = v^T tanh(W_h h_i + W_s s)."""

    def __init__(self, states: int, query: int, width: int) -> None:
        super().__init__()
        self.of_state = nn.Linear(states, width, bias=False)  # W_h
        self.of_query = nn.Linear(query, width, bias=False)  # W_s
        self.score = nn.Linear(width, 1, bias=False)  # v

    def keys(self, states: Tensor) -> Tensor:
        """W_h h_i."""
        keys: Tensor = self.of_state(states)
        return keys

    def scores(self, keys: Tensor, query: Tensor) -> Tensor:
        """v^T tanh(W_h h_i + W_s s)."""
        scores: Tensor = self.score(torch.tanh(keys + self.of_query(query)[:, None]))  # (B, m, 1)
        return scores[..., 0]


class DotAlignment(Alignment):
    """Option 2, arXiv 1706.03762: k_i = W_K h_i, q = W_Q s, score_i = k_i^T q / sqrt(A).

    The seed leaves out 1 / sqrt(A); without it the softmax of wide keys is almost one-hot from the start.
    """

    def __init__(self, states: int, query: int, width: int) -> None:
        super().__init__()
        self.key = nn.Linear(states, width, bias=False)  # W_K
        self.query = nn.Linear(query, width, bias=False)  # W_Q

    def keys(self, states: Tensor) -> Tensor:
        """k_i = W_K h_i."""
        keys: Tensor = self.key(states)
        return keys

    def scores(self, keys: Tensor, query: Tensor) -> Tensor:
        """k_i^T q / sqrt(A)."""
        q = self.query(query) * keys.shape[-1] ** -0.5  # (B, A)
        scores: Tensor = keys @ q[..., None]  # (B, m, 1)
        return scores[..., 0]


def make_alignment(align: str, *, states: int, query: int, width: int) -> Alignment:
    """The alignment by its name, `additive` or `dot`."""
    kind = AdditiveAlignment if align == "additive" else DotAlignment
    return kind(states, query, width)

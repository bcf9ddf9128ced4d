"""Multi-head attention of one sequence to another, or to its own past (seed D0:602-740).

Section 3.2 of arXiv 1706.03762.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bakeoff.errors import ConfigError


class CrossAttention(nn.Module):
    """Queries from x (B, M, D), keys and values from y (B, N, D), in `heads` subspaces of D / heads.

    head_i = softmax(x W_Q (y W_K)^T / sqrt(D_h)) y W_V
    out    = [head_1; ...; head_k] W_O

    `causal` is for y = x: position j sees positions 1 ... j only. `dropout` falls on the weights.
    """

    def __init__(
        self, width: int, heads: int, *, causal: bool = False, dropout: float = 0.0
    ) -> None:
        super().__init__()
        if width % heads:
            raise ConfigError(f"{heads} attention heads do not divide a width of {width} evenly.")
        self.heads, self.causal, self.dropout = heads, causal, dropout
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.projection = nn.Linear(width, width)  # W_O

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """What each element of x (B, M, D) gathers from y (B, N, D): (B, M, D)."""
        q, k, v = (self._split(part) for part in (self.query(x), self.key(y), self.value(y)))
        dropout = self.dropout if self.training else 0.0
        # The same softmax(q k^T / sqrt(D_h)) v without keeping the M x N weights.
        heads = F.scaled_dot_product_attention(q, k, v, dropout_p=dropout, is_causal=self.causal)
        joined: Tensor = self.projection(heads.transpose(1, 2).flatten(2))
        return joined

    def weights(self, x: Tensor, y: Tensor) -> Tensor:
        """The weights that `forward` uses, without dropout: (B, heads, M, N), rows sum to 1."""
        q, k = self._split(self.query(x)), self._split(self.key(y))
        scores = q @ k.transpose(-2, -1) * q.shape[-1] ** -0.5
        if self.causal:
            future = torch.ones(scores.shape[-2:], dtype=torch.bool, device=x.device).triu(1)
            scores = scores.masked_fill(future, -torch.inf)
        weights: Tensor = scores.softmax(dim=-1)
        return weights

    def _split(self, sequence: Tensor) -> Tensor:
        """(B, N, D) -> (B, heads, N, D / heads)."""
        b, n, d = sequence.shape
        return sequence.view(b, n, self.heads, d // self.heads).transpose(1, 2)

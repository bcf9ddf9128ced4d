"""Multi-head self-attention, eqs. 5-8 of arXiv 2010.11929 (seed D3:193-213), that can show its weights.

The formulas of D0 and D4 leave out 1/sqrt(D_h), and D3's picture leaves out the softmax as well; both
are here.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from bakeoff.errors import ConfigError


class SelfAttention(nn.Module):
    """Every token looks at every token: z (B, N, D) -> (B, N, D), in `heads` subspaces of D / heads.

        [q, k, v] = z U_qkv                      U_qkv in R^(D x 3 D_h), one per head
        A = softmax(q k^T / sqrt(D_h))           A in R^(N x N), rows sum to 1
        SA(z) = A v
        MSA(z) = [SA_1(z); ...; SA_k(z)] U_msa   U_msa in R^(k D_h x D)

    The rows of `qkv` are the queries of all heads, then the keys, then the values: the order of
    `in_proj_weight` in torch.nn.MultiheadAttention and of `attn.qkv` in timm. `dropout` falls on A,
    `projection_dropout` on the result.
    """

    def __init__(
        self, width: int, heads: int, *, dropout: float = 0.0, projection_dropout: float = 0.0
    ) -> None:
        super().__init__()
        if width % heads:
            raise ConfigError(f"{heads} attention heads do not divide a width of {width} evenly.")
        self.heads = heads
        self.dropout = dropout
        self.qkv = nn.Linear(width, 3 * width)
        self.projection = nn.Linear(width, width)
        self.projection_dropout = nn.Dropout(projection_dropout)

    def forward(self, tokens: Tensor) -> Tensor:
        """MSA(z): (B, N, D) -> (B, N, D)."""
        q, k, v = self._split(tokens)
        dropout = self.dropout if self.training else 0.0
        # The same softmax(q k^T / sqrt(D_h)) v without keeping the N x N weights.
        return self._join(F.scaled_dot_product_attention(q, k, v, dropout_p=dropout))

    def weights(self, tokens: Tensor) -> Tensor:
        """The attention A that `forward` uses on z (B, N, D): (B, heads, N, N), without dropout."""
        q, k, _ = self._split(tokens)
        return _attention(q, k)

    def attend(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """MSA(z) (B, N, D) and the weights A (B, heads, N, N) that made it, without dropout."""
        q, k, v = self._split(tokens)
        weights = _attention(q, k)
        return self._join(weights @ v), weights

    def _split(self, tokens: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values of z (B, N, D), each (B, heads, N, D_h)."""
        b, n, d = tokens.shape
        qkv = self.qkv(tokens).view(b, n, 3, self.heads, d // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        return q, k, v

    def _join(self, per_head: Tensor) -> Tensor:
        """[SA_1; ...; SA_k] U_msa: (B, heads, N, D_h) -> (B, N, D)."""
        joined: Tensor = self.projection(per_head.transpose(1, 2).flatten(2))
        dropped: Tensor = self.projection_dropout(joined)
        return dropped


def _attention(q: Tensor, k: Tensor) -> Tensor:
    """softmax(q k^T / sqrt(D_h)): two of (B, heads, N, D_h) -> (B, heads, N, N)."""
    scale: float = q.shape[-1] ** -0.5
    return (q * scale @ k.transpose(-2, -1)).softmax(dim=-1)

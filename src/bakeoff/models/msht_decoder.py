"""The guided decoder of MSHT (arXiv 2112.13513, Fig. 1c): values from the tokens, attention from a stage."""

import torch.nn.functional as F
from torch import Tensor, nn

from bakeoff.errors import ConfigError
from bakeoff.models.attention import SelfAttention
from bakeoff.models.encoder import EPSILON, MLP


class GuidedAttention(nn.Module):
    """MHGA: three times (B, N, D) -> (B, N, D); guidance says where to look, the tokens what is there.

    softmax(W_Q gaze (W_K glance)^T / sqrt(D_h)) W_V tokens, in `heads` subspaces, then projected.
    """

    def __init__(self, width: int, heads: int, *, dropout: float) -> None:
        super().__init__()
        if width % heads:
            raise ConfigError(f"{heads} attention heads do not divide a width of {width} evenly.")
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.projection = nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, gaze: Tensor, glance: Tensor, tokens: Tensor) -> Tensor:
        """Guidance and tokens (B, N, D) to (B, N, D)."""
        q, k, v = self.query(gaze), self.key(glance), self.value(tokens)
        b, n, d = v.shape
        split = [x.view(b, n, self.heads, d // self.heads).transpose(1, 2) for x in (q, k, v)]
        attended = F.scaled_dot_product_attention(*split).transpose(1, 2).flatten(2)
        projected: Tensor = self.dropout(self.projection(attended))
        return projected


class DecoderBlock(nn.Module):
    """One decoder, tokens (B, N, D) -> (B, N, D); every part has its norm before and a residual after.

    v = v + MHSA(LN(v));  v = v + FFN(LN(v));  v = v + MHGA(gaze, glance, LN(v));  v = v + FFN(LN(v))
    """

    def __init__(self, width: int, heads: int, *, dropout: float) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=EPSILON)
        self.attention = SelfAttention(width, heads, projection_dropout=dropout)
        self.norm2 = nn.LayerNorm(width, eps=EPSILON)
        self.mlp1 = MLP(width, 4 * width, dropout=dropout)
        self.norm3 = nn.LayerNorm(width, eps=EPSILON)
        self.guided = GuidedAttention(width, heads, dropout=dropout)
        self.norm4 = nn.LayerNorm(width, eps=EPSILON)
        self.mlp2 = MLP(width, 4 * width, dropout=dropout)

    def forward(self, gaze: Tensor, glance: Tensor, tokens: Tensor) -> Tensor:
        """Tokens (B, N, D), guided by gaze and glance (B, N, D), which come already normalised."""
        v = tokens + self.attention(self.norm1(tokens))
        v = v + self.mlp1(self.norm2(v))
        v = v + self.guided(gaze, glance, self.norm3(v))
        after: Tensor = v + self.mlp2(self.norm4(v))
        return after

"""One layer of the Transformer's encoder and one of its decoder (seed D0:740-787).

Figure 1 of arXiv 1706.03762.
"""

from collections.abc import Callable

from torch import Tensor, nn

from bakeoff.models.attention import SelfAttention
from bakeoff.models.cross_attention import CrossAttention


class FeedForward(nn.Sequential):
    """FFN(x) = max(0, x W_1 + b_1) W_2 + b_2, each position by itself (eq. 2): (B, N, D) -> (B, N, D)."""

    def __init__(self, width: int, hidden: int, dropout: float) -> None:
        super().__init__(
            nn.Linear(width, hidden), nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden, width)
        )


class Residual(nn.Module):
    """What stands around every sublayer: LN(x + dropout(f(x))), the paper's `post`.

    `pre` is x + dropout(f(LN(x))), which trains without warm-up (arXiv 2002.04745).
    """

    def __init__(self, width: int, *, norm_first: bool, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)
        self.norm_first = norm_first

    def forward(self, x: Tensor, sublayer: Callable[[Tensor], Tensor]) -> Tensor:
        """X (B, N, D) after `sublayer`, (B, N, D)."""
        if self.norm_first:
            after: Tensor = x + self.dropout(sublayer(self.norm(x)))
        else:
            after = self.norm(x + self.dropout(sublayer(x)))
        return after


class EncoderLayer(nn.Module):
    """Self-attention, then the feed-forward network: (B, N, D) -> (B, N, D)."""

    def __init__(
        self, width: int, heads: int, hidden: int, *, norm_first: bool, dropout: float
    ) -> None:
        super().__init__()
        self.attention = SelfAttention(width, heads, dropout=dropout)
        self.feed_forward = FeedForward(width, hidden, dropout)
        self.around_attention = Residual(width, norm_first=norm_first, dropout=dropout)
        self.around_feed_forward = Residual(width, norm_first=norm_first, dropout=dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Every element of x (B, N, D) after a look at all others."""
        x = self.around_attention(x, self.attention)
        after: Tensor = self.around_feed_forward(x, self.feed_forward)
        return after

    def attention_weights(self, x: Tensor) -> Tensor:
        """What this layer attends to in x (B, N, D): (B, heads, N, N)."""
        around = self.around_attention
        return self.attention.weights(around.norm(x) if around.norm_first else x)


class DecoderLayer(nn.Module):
    """Self-attention to the past, attention to the encoder's output, the feed-forward network."""

    def __init__(
        self, width: int, heads: int, hidden: int, *, norm_first: bool, dropout: float
    ) -> None:
        super().__init__()
        self.past = CrossAttention(width, heads, causal=True, dropout=dropout)
        self.memory = CrossAttention(width, heads, dropout=dropout)
        self.feed_forward = FeedForward(width, hidden, dropout)
        self.around_past = Residual(width, norm_first=norm_first, dropout=dropout)
        self.around_memory = Residual(width, norm_first=norm_first, dropout=dropout)
        self.around_feed_forward = Residual(width, norm_first=norm_first, dropout=dropout)

    def forward(self, x: Tensor, memory: Tensor) -> Tensor:
        """Tokens x (B, M, D) after a look at their past and at the memory (B, N, D)."""
        x = self._look_back(x)
        x = self.around_memory(x, lambda q: self.memory(q, memory))
        after: Tensor = self.around_feed_forward(x, self.feed_forward)
        return after

    def memory_weights(self, x: Tensor, memory: Tensor) -> Tensor:
        """What each token of x (B, M, D) attends to in the memory (B, N, D): (B, heads, M, N)."""
        x = self._look_back(x)
        around = self.around_memory
        return self.memory.weights(around.norm(x) if around.norm_first else x, memory)

    def _look_back(self, x: Tensor) -> Tensor:
        looked: Tensor = self.around_past(x, lambda q: self.past(q, q))
        return looked

"""The Transformer encoder of ViT: eqs. 2 and 3 of arXiv 2010.11929 (seeds D2:956-996, D3:171-177)."""

import math

from torch import Tensor, nn

from bakeoff.models.attention import SelfAttention

EPSILON = 1e-6
"""LayerNorm's epsilon in ViT's own code; torch's default, 1e-5, is visible in the logits."""


class MLP(nn.Module):
    """Two dense layers with a GELU between (exact, not its tanh approximation), (B, N, D) -> (B, N, D).

    Dropout, when used, follows every dense layer.
    """

    def __init__(self, width: int, hidden: int, *, dropout: float = 0.0) -> None:
        super().__init__()
        self.expand = nn.Linear(width, hidden)
        self.activation = nn.GELU()
        self.contract = nn.Linear(hidden, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, N, D) -> (B, N, D), each token by itself."""
        hidden = self.dropout(self.activation(self.expand(tokens)))
        contracted: Tensor = self.dropout(self.contract(hidden))
        return contracted


class EncoderBlock(nn.Module):
    """One layer of the encoder: z_(l-1) (B, N, D) -> z_l (B, N, D).

    z'_l = MSA(LN(z_(l-1))) + z_(l-1)    (2)
    z_l  = MLP(LN(z'_l)) + z'_l          (3)
    """

    def __init__(
        self, width: int, heads: int, hidden: int, *, dropout: float, attention_dropout: float
    ) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=EPSILON)
        self.attention = SelfAttention(
            width, heads, dropout=attention_dropout, projection_dropout=dropout
        )
        self.norm2 = nn.LayerNorm(width, eps=EPSILON)
        self.mlp = MLP(width, hidden, dropout=dropout)
        self.reset_parameters()

    def forward(self, z: Tensor) -> Tensor:
        """Eqs. 2 and 3: (B, N, D) -> (B, N, D)."""
        z = self.attention(self.norm1(z)) + z
        after: Tensor = self.mlp(self.norm2(z)) + z
        return after

    def attention_weights(self, z: Tensor) -> Tensor:
        """What this layer attends to in z (B, N, D): (B, heads, N, N), rows sum to 1."""
        return self.attention.weights(self.norm1(z))

    def reset_parameters(self) -> None:
        """The weights that ViT's own code starts from: Xavier-uniform matrices, biases about zero.

        Queries, keys and values are three square matrices, each with its own fan, though stored as one.
        """
        bound = math.sqrt(3 / self.attention.projection.in_features)
        nn.init.uniform_(self.attention.qkv.weight, -bound, bound)
        nn.init.zeros_(self.attention.qkv.bias)
        nn.init.xavier_uniform_(self.attention.projection.weight)
        nn.init.zeros_(self.attention.projection.bias)
        for layer in (self.mlp.expand, self.mlp.contract):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.normal_(layer.bias, std=1e-6)

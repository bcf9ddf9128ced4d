"""Sequence to sequence with attention: reads patches, emits findings (seed D0:462-540, arXiv 1409.0473).

Without attention the decoder would see the image through the encoder's last state alone, which cannot
remember a long sequence.
"""

from typing import Literal

import torch
from torch import Tensor, nn

from bakeoff.models.alignment import make_alignment
from bakeoff.models.findings_decoder import EmitsFindings
from bakeoff.models.fit import whole_patches
from bakeoff.models.patches import cut_patches, patch_grid
from bakeoff.models.recurrent import SimpleRNN
from bakeoff.models.registry import Task, model


class RNNAttention(EmitsFindings):
    """An encoder RNN reads patches x_1 ... x_m into h_1 ... h_m; a decoder RNN emits findings.

        s_0 = h_m
        alpha_i = align(h_i, s_{j-1}),   c_{j-1} = sum_i alpha_i h_i
        s_j = tanh(A' [x'_j; s_{j-1}; c_{j-1}] + b)
        P(y_j) = softmax(V s_j)

    x'_j is the learned embedding of the token before, the start token's at first.
    """

    def __init__(
        self, task: Task, *, patch: int, stride: int | None, hidden: int, embedding: int, align: str
    ) -> None:
        super().__init__(task)
        self.grid = patch_grid(task.size, task.size, patch, stride)
        self.patch, self.stride = patch, stride
        self.encoder = SimpleRNN(task.channels * patch * patch, hidden)
        self.align = make_alignment(align, states=hidden, query=hidden, width=hidden)
        self.token = nn.Embedding(self.vocabulary.size, embedding)
        self.step = nn.Linear(embedding + hidden + hidden, hidden)  # A' and b
        self.head = nn.Linear(hidden, self.vocabulary.size)  # V

    def encode(self, images: Tensor) -> Tensor:
        """h_1 ... h_m of images (B, C, H, W): (B, m, hidden)."""
        states: Tensor = self.encoder(cut_patches(images, self.patch, self.stride))
        return states

    def decode(self, memory: Tensor, tokens: Tensor) -> Tensor:
        """Logits (B, M, V) of what follows each of the tokens (B, M), with h (B, m, hidden) in view."""
        return self.decode_aligned(memory, tokens)[0]

    def decode_aligned(self, memory: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (B, M, V) and the weights alpha (B, M, m) that each token was decoded with."""
        keys = self.align.keys(memory)
        state = memory[:, -1]
        states, weights = [], []
        for embedded in self.token(tokens).unbind(dim=1):
            alpha = self.align(keys, state)  # (B, m)
            context = (alpha[:, None] @ memory)[:, 0]  # (B, hidden)
            state = torch.tanh(self.step(torch.cat([embedded, state, context], dim=1)))
            states.append(state)
            weights.append(alpha)
        return self.head(torch.stack(states, dim=1)), torch.stack(weights, dim=1)


@model(
    "rnn_attention",
    reference="arXiv 1409.0473",
    source="D0:462-540",
    fits=whole_patches,
    objective="findings",
)
def rnn_attention(
    task: Task,
    *,
    patch: int = 16,
    stride: int | None = None,
    hidden: int = 128,
    embedding: int = 32,
    align: Literal["additive", "dot"] = "additive",
) -> nn.Module:
    """An RNN reads the patches, another emits the findings, looking back by `align` at each one."""
    return RNNAttention(
        task, patch=patch, stride=stride, hidden=hidden, embedding=embedding, align=align
    )

"""A recurrent network that looks back at all its states instead of only the last one (seed D0:546-600).

After Cheng, Dong and Lapata, arXiv 1601.06733, simplified as in Lab 5.
"""

from typing import Literal

import torch
from torch import Tensor, nn

from bakeoff.models.alignment import make_alignment
from bakeoff.models.fit import whole_patches
from bakeoff.models.patches import cut_patches, patch_grid
from bakeoff.models.registry import Task, model


class RNNSelfAttention(nn.Module):
    """Patches x_1 ... x_m, each read with a view of everything read before; the last context decides.

    c_0 = 0
    h_t = tanh(A [x_t; c_{t-1}] + b)
    alpha_i = align(h_i, h_t) for i = 1 ... t,   c_t = sum_i alpha_i h_i
    logits = V c_m
    """

    def __init__(
        self, task: Task, *, patch: int, stride: int | None, hidden: int, align: str
    ) -> None:
        super().__init__()
        self.grid = patch_grid(task.size, task.size, patch, stride)
        self.patch, self.stride = patch, stride
        self.input = nn.Linear(task.channels * patch * patch, hidden)  # A's columns of x, and b
        self.recurrent = nn.Linear(hidden, hidden, bias=False)  # A's columns of c
        self.align = make_alignment(align, states=hidden, query=hidden, width=hidden)
        self.head = nn.Linear(hidden, task.outputs)

    def forward(self, images: Tensor) -> Tensor:
        """Images (B, C, H, W) to logits (B, outputs)."""
        context, _ = self.read(cut_patches(images, self.patch, self.stride))
        logits: Tensor = self.head(context)
        return logits

    def read(self, sequence: Tensor) -> tuple[Tensor, Tensor]:
        """The last context c_m (B, H) and its weights alpha (B, m) of a sequence (B, m, I)."""
        driven = self.input(sequence)  # of every step at once: it does not depend on the contexts
        context = driven.new_zeros(len(driven), driven.shape[-1])
        states: list[Tensor] = []
        keys: list[Tensor] = []
        for drive in driven.unbind(dim=1):
            state = torch.tanh(drive + self.recurrent(context))
            states.append(state)
            keys.append(self.align.keys(state[:, None])[:, 0])
            alpha = self.align(torch.stack(keys, dim=1), state)  # (B, t)
            context = (alpha[:, None] @ torch.stack(states, dim=1))[:, 0]
        return context, alpha


@model("rnn_self_attention", reference="arXiv 1601.06733", source="D0:546-600", fits=whole_patches)
def rnn_self_attention(
    task: Task,
    *,
    patch: int = 16,
    stride: int | None = None,
    hidden: int = 128,
    align: Literal["additive", "dot"] = "dot",
) -> nn.Module:
    """An RNN whose every step attends to all states so far; the last context decides."""
    return RNNSelfAttention(task, patch=patch, stride=stride, hidden=hidden, align=align)

"""Recurrent networks over the patch sequence, many to one, in one and in both directions (seed D0:383-460).

The seed writes s_t = f(U x_t + V s_{t-1}) in its first lines and W for the same matrix further down;
W it is here, since V is the one of the output o_t = g(V s_t).
"""

from typing import Literal

import torch
from torch import Tensor, nn

from bakeoff.models.fit import whole_patches
from bakeoff.models.patches import cut_patches, patch_grid
from bakeoff.models.registry import Size, Task, models

ACTIVATIONS = {"tanh": torch.tanh, "relu": torch.relu}


class SimpleRNN(nn.Module):
    """s_t = f(U x_t + b + W s_{t-1} + b'), s_0 = 0: (B, T, I) -> every state (B, T, H).

    Two biases and uniform weights within 1 / sqrt(H), as torch.nn.RNN has them. `reverse` walks from
    the last element to the first; its states still stand in the order of the sequence.
    """

    def __init__(
        self, inputs: int, hidden: int, *, activation: str = "tanh", reverse: bool = False
    ) -> None:
        super().__init__()
        self.input = nn.Linear(inputs, hidden)  # U
        self.recurrent = nn.Linear(hidden, hidden)  # W
        self.activation = ACTIVATIONS[activation]
        self.reverse = reverse
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -(hidden**-0.5), hidden**-0.5)

    def forward(self, sequence: Tensor) -> Tensor:
        """States s_1 ... s_T of a sequence (B, T, I): (B, T, H)."""
        b, t, _ = sequence.shape
        driven = self.input(sequence)  # U x of every step at once: it does not depend on the states
        state = driven.new_zeros(b, driven.shape[-1])
        states = []
        for step in reversed(range(t)) if self.reverse else range(t):
            state = self.activation(driven[:, step] + self.recurrent(state))
            states.append(state)
        if self.reverse:
            states.reverse()
        return torch.stack(states, dim=1)


class PatchRNN(nn.Module):
    """Raw patches, row by row, through one network or two opposite ones; a linear layer reads them out.

    Many to one, o = V s_T; in both directions o = V s_T + V' s'_1, where each network has seen the
    whole image. `readout: mean` averages all states, because the last one forgets a long sequence.
    """

    def __init__(
        self,
        task: Task,
        *,
        directions: int,
        patch: int,
        stride: int | None,
        hidden: int,
        activation: str,
        readout: str,
    ) -> None:
        super().__init__()
        patch_grid(task.size, task.size, patch, stride)  # refuses an image without a whole patch
        self.patch, self.stride, self.readout = patch, stride, readout
        inputs = task.channels * patch * patch
        self.networks = nn.ModuleList(
            SimpleRNN(inputs, hidden, activation=activation, reverse=reverse)
            for reverse in (False, True)[:directions]
        )
        self.head = nn.Linear(directions * hidden, task.outputs)  # V, or [V V'] side by side

    def forward(self, images: Tensor) -> Tensor:
        """Images (B, C, H, W) to logits (B, outputs)."""
        patches = cut_patches(images, self.patch, self.stride)  # (B, T, C P P)
        read = []
        for direction, network in enumerate(self.networks):
            states = network(patches)  # (B, T, H)
            last = states[:, 0] if direction else states[:, -1]
            read.append(states.mean(dim=1) if self.readout == "mean" else last)
        logits: Tensor = self.head(torch.cat(read, dim=1))
        return logits


RNNS = {
    "rnn": Size(
        "A recurrent network reads the patches row by row; its last state decides.",
        "Elman 1990",
        directions=1,
    ),
    "birnn": Size(
        "Two recurrent networks read the patches forwards and backwards; their last states decide.",
        "Schuster and Paliwal 1997",
        directions=2,
    ),
}


@models(RNNS, source="D0:383-460", fits=whole_patches)
def build_rnn(
    task: Task,
    directions: int,
    *,
    patch: int = 16,
    stride: int | None = None,
    hidden: int = 128,
    activation: Literal["tanh", "relu"] = "tanh",
    readout: Literal["last", "mean"] = "last",
) -> PatchRNN:
    """A network in one direction, or two in both."""
    return PatchRNN(
        task,
        directions=directions,
        patch=patch,
        stride=stride,
        hidden=hidden,
        activation=activation,
        readout=readout,
    )

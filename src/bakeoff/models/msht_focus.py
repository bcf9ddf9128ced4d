"""The Focus block of MSHT (arXiv 2112.13513, Fig. 1b; seed D4:337-345): what a stage's maps point at."""

import torch
from torch import Tensor, nn

from bakeoff.models.encoder import EPSILON


class SimAM(nn.Module):
    """Attention without weights (Yang et al., ICML 2021): (B, C, H, W) -> (B, C, H, W).

    X * sigmoid((x - mu)^2 / (4 (sigma^2 + lambda)) + 1/2), mean and variance over a channel's places,
    the variance with n - 1: what stands out in its channel is let through.
    """

    def __init__(self, epsilon: float = 1e-4) -> None:
        super().__init__()
        self.epsilon = epsilon

    def forward(self, maps: Tensor) -> Tensor:
        """Maps of at least two places each."""
        squares = (maps - maps.mean(dim=(2, 3), keepdim=True)).square()
        places = maps.shape[2] * maps.shape[3]
        variance = squares.sum(dim=(2, 3), keepdim=True) / (places - 1)
        return maps * torch.sigmoid(squares / (4 * (variance + self.epsilon)) + 0.5)


class Focus(nn.Module):
    """Maps (B, C, H, W) -> guidance (q, k), each (B, N, D), on the grid of the last stage.

    q = LN(W_q gaze(X)), k = LN(W_k glance(X)), X the maps after SimAM: gaze is a max pooling, which keeps
    what is prominent, glance a mean pooling, which keeps what is general.
    """

    def __init__(self, channels: int, width: int, *, pool: int) -> None:
        super().__init__()
        self.attention = SimAM()
        self.gaze = nn.MaxPool2d(pool)
        self.glance = nn.AvgPool2d(pool)
        self.gaze_projection = nn.Conv2d(channels, width, 1)
        self.glance_projection = nn.Conv2d(channels, width, 1)
        self.norm_q = nn.LayerNorm(width, eps=EPSILON)
        self.norm_k = nn.LayerNorm(width, eps=EPSILON)

    def forward(self, maps: Tensor) -> tuple[Tensor, Tensor]:
        """Maps (B, C, H, W) to queries and keys (B, N, D)."""
        maps = self.attention(maps)
        q = self.gaze_projection(self.gaze(maps)).flatten(2).transpose(1, 2)
        k = self.glance_projection(self.glance(maps)).flatten(2).transpose(1, 2)
        return self.norm_q(q), self.norm_k(k)

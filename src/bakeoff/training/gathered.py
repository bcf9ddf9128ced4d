"""What all processes made of a batch, brought together and on its way to the host."""

import torch
import torch.distributed as dist
from torch import Tensor

from bakeoff.training.transfer import OnItsWay


class Gathered:
    """Mean loss and scores of a batch, and whether a process has to stop; `fetch` waits for them."""

    def __init__(self, packed: Tensor, rows: int, each: tuple[int, ...], stop: bool | None) -> None:
        self._packed = OnItsWay(packed)
        self._shape, self._stop = (rows, *each), stop

    @classmethod
    def own(cls, loss: Tensor, scores: Tensor, *, stop: bool) -> "Gathered":
        """Of the only process: loss () and scores float (B, ...)."""
        packed = torch.cat([loss.detach().reshape(1), scores.detach().float().flatten()])
        return cls(packed, len(scores), tuple(scores.shape[1:]), stop)

    @classmethod
    def reduced(
        cls, loss: Tensor, scores: Tensor, share: slice, rows: int, *, stop: bool
    ) -> "Gathered":
        """Of all processes: loss () is the mean over this one's images, `scores` are theirs.

        `share` is where they stand in the batch of `rows` images.
        """
        each = tuple(scores.shape[1:])
        every = torch.zeros(rows, *each, device=scores.device, dtype=torch.float64)
        every[share] = scores.detach().double()
        shared = torch.cat([every.new_zeros(2), every.flatten()])
        if len(scores):
            shared[0] = loss.detach().double() * (len(scores) / rows)
        if stop:
            shared[1] = 1.0
        dist.all_reduce(shared)
        return cls(shared, rows, each, None)

    def fetch(self) -> tuple[float, Tensor, bool]:
        """Mean loss of the whole batch, scores float (rows, ...) on the CPU, and whether any must stop."""
        packed = self._packed.wait()
        if self._stop is not None:
            return float(packed[0]), packed[1:].reshape(self._shape).float(), self._stop
        return float(packed[0]), packed[2:].reshape(self._shape).float(), bool(packed[1] > 0)

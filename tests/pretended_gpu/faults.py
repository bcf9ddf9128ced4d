"""Models that each do what the audit is there to find."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from bakeoff.config.schema import Image
from tests.gpu.trials import SIZE, TASKS, Trial


class Pooled(nn.Module):
    """Images (B, 1, H, W) to logits (B, 2); what a subclass does on the way is the fault."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(1, 2)
        self.elsewhere = torch.ones(1)  # no buffer: it stays where it was made

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.head(self.fault(images).mean(dim=(2, 3)))
        return logits

    def fault(self, images: Tensor) -> Tensor:
        return images


class Reads(Pooled):
    def fault(self, images: Tensor) -> Tensor:
        return images / max(1.0, images.max().item())


class Masks(Pooled):
    def fault(self, images: Tensor) -> Tensor:
        bright = images[images > 0.5]
        return images + bright.mean() + torch.tensor([0.1], device=images.device)


class Mixes(Pooled):
    def fault(self, images: Tensor) -> Tensor:
        return images * self.elsewhere


class Reflects(Pooled):
    def fault(self, images: Tensor) -> Tensor:
        weighted: Tensor = self.head.weight[0] * images
        return nn.functional.pad(weighted, (1, 1, 1, 1), mode="reflect")


class Waits(Pooled):
    def fault(self, images: Tensor) -> Tensor:
        torch.cuda.synchronize()
        return images


class Idle(Pooled):
    def __init__(self) -> None:
        super().__init__()
        self.unused = nn.Linear(1, 1)


def faults() -> Iterator[Trial]:
    """One of each."""
    task, image = TASKS["positive"], Image(size=SIZE)
    for fault in (Reads, Masks, Mixes, Reflects, Waits, Idle):
        name = f"fault: {fault.__name__.lower()}"
        yield Trial(name, task, "positive", "cross_entropy", image, fault)

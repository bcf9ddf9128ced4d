"""Learning 16 images by heart: what any model that trains at all can do."""

from typing import Any

import torch
from torch import Tensor

from bakeoff.models.registry import Targets, Task, build
from bakeoff.task.binary import BinaryTask
from bakeoff.task.losses import losses_of
from bakeoff.training.objective import Objective

LOSSES = losses_of(BinaryTask())

torch.set_num_threads(1)  # these models are too small to share among threads

FINDINGS = ("No Finding", "Effusion", "Mass", "Nodule")


def sixteen_images(task: Task) -> tuple[Tensor, Targets]:
    """Noise in 0..1 (16, C, S, S), half of it with one or two findings."""
    draw = torch.Generator().manual_seed(0)
    images = torch.rand(16, task.channels, task.size, task.size, generator=draw)
    labels = torch.arange(16) % 2
    findings = torch.zeros(16, len(FINDINGS))
    findings[labels == 0, 0] = 1
    findings[1::2, 1] = 1
    findings[3::4, 3] = 1
    return images, Targets(labels, findings)


def steps_to_learn(
    name: str, options: dict[str, Any], *, size: int = 24, lr: float = 3e-3, most: int = 200
) -> int:
    """Steps of AdamW until every image is on its side of 0.5 in evaluation mode; fails after `most`."""
    torch.manual_seed(0)
    task = Task(channels=1, size=size, outputs=2, findings=FINDINGS)
    objective = Objective(build(name, task, options), LOSSES["cross_entropy"])
    images, targets = sixteen_images(task)
    optimizer = torch.optim.AdamW(objective.parameters(), lr=lr)
    for step in range(most):
        objective.eval()
        with torch.no_grad():
            _, scores = objective(images, targets)
        if bool(((scores > 0.5) == (targets.labels == 1)).all()):
            return step
        objective.train()
        optimizer.zero_grad()
        value, _ = objective(images, targets)
        value.backward()
        optimizer.step()
    raise AssertionError(f"{name} did not learn 16 images in {most} steps")

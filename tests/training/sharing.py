"""One process among several that train a model with batch normalisation, on CPUs: run by test_batch_norm.

torch's SyncBatchNorm has kernels for GPUs only. What is replaced here is these five, by their formulas; its
exchange between processes, its autograd function and DistributedDataParallel are torch's own.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bakeoff.config.schema import Image
from bakeoff.models.registry import Task, build
from bakeoff.task.binary import BinaryTask
from bakeoff.task.losses import loss_of
from bakeoff.training.distributed import World
from bakeoff.training.images import SplitImages
from bakeoff.training.objective import Objective
from bakeoff.training.step import Stepper

SIZE = 96
BATCHES = (range(0, 7), range(7, 9), range(9, 12), range(11, 13))
"""For three processes: unequal shares, one without, equal ones, one without."""
PIXELS = np.random.default_rng(0).integers(0, 256, (13, SIZE, SIZE), dtype=np.uint8)
LABELS = torch.tensor([0, 1] * 6 + [1])


def main(model: str, out: Path) -> None:
    """Train a few steps, and write the weights, buffers and losses."""
    world, cpu = World.from_environment(), torch.device("cpu")
    torch.set_num_threads(1)
    if world.size > 1:
        replace_kernels()
    torch.manual_seed(0)
    image = Image(size=SIZE)
    built = build(model, Task(channels=1, size=SIZE, outputs=1), {})
    with world.joined(out.parent, cpu):
        # The conversion is for GPUs; its layers run here.
        trained = world.synchronise_batch_norm(built, torch.device("cuda"), image)
        trained.double().register_forward_pre_hook(lambda _, given: (given[0].double(),))
        objective = Objective(trained, loss_of(BinaryTask(), "bce_with_logits"))
        optimizer = torch.optim.SGD(trained.parameters(), lr=0.0)
        parallel = world.parallel(objective, cpu)
        stepper = Stepper(objective, parallel, optimizer, image, 0, None, world)
        objective.train()
        losses = []
        for step, rows in enumerate(BATCHES):
            outputs = stepper.step(
                images(),
                torch.tensor(rows),
                epoch=1,
                step=step,
                lr=0.02,
                stop_reason=lambda: None,
            )
            losses.append(outputs.fetch().loss)
    torch.save({**trained.state_dict(), "losses": torch.tensor(losses, dtype=torch.float64)}, out)


def images() -> SplitImages:
    """Thirteen pictures of noise."""
    findings = torch.zeros(len(LABELS), 0)
    names = [str(number) for number in range(len(LABELS))]
    rows = np.arange(len(LABELS), dtype=np.int64)
    cpu = torch.device("cpu")
    return SplitImages(names, LABELS, findings, cpu, "", torch.from_numpy(PIXELS), PIXELS, rows)


def replace_kernels() -> None:
    """Let SyncBatchNorm take tensors on the CPU, by the formulas of its kernels."""
    native: Any = torch._C
    averaging: Any = torch.nn.parallel.DistributedDataParallel
    averaging._passing_sync_batchnorm_handle = lambda *_: None  # it only refuses other devices
    native._get_privateuse1_backend_name = lambda: "cpu"  # one of the devices that it accepts
    kernels: Any = torch
    kernels.batch_norm_stats = stats
    kernels.batch_norm_gather_stats_with_counts = gather
    kernels.batch_norm_elemt = normalised
    kernels.batch_norm_backward_reduce = backward_reduce
    kernels.batch_norm_backward_elemt = backward


def stats(x: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    """Mean and inverse deviation of each channel, (C,)."""
    variance, mean = torch.var_mean(x, dim=over(x), correction=0)
    return mean, (variance + eps).rsqrt()


def gather(
    x: Tensor,
    means: Tensor,
    inverses: Tensor,
    running_mean: Tensor,
    running_variance: Tensor,
    momentum: float,
    eps: float,
    counts: Tensor,
) -> tuple[Tensor, Tensor]:
    """The same of all processes, from theirs (P, C) and their counts (P,); moves the running statistics."""
    share = (counts / counts.sum())[:, None]
    mean = (share * means).sum(dim=0)
    variance = (share * (inverses**-2 - eps + (means - mean) ** 2)).sum(dim=0)
    unbiased = variance * counts.sum() / (counts.sum() - 1)
    running_mean.lerp_(mean, momentum)
    running_variance.lerp_(unbiased, momentum)
    return mean, (variance + eps).rsqrt()


def normalised(
    x: Tensor, weight: Tensor, bias: Tensor, mean: Tensor, inverse: Tensor, eps: float
) -> Tensor:
    """Its output."""
    return along(weight, x) * (x - along(mean, x)) * along(inverse, x) + along(bias, x)


def backward_reduce(
    gradient: Tensor,
    x: Tensor,
    mean: Tensor,
    inverse: Tensor,
    weight: Tensor,
    *needed: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Sums over this process's images: of the gradient, of it times the deviation; weight's, bias's."""
    total = gradient.sum(dim=over(x))
    times = (gradient * (x - along(mean, x))).sum(dim=over(x))
    return total, times, times * inverse, total


def backward(
    gradient: Tensor,
    x: Tensor,
    mean: Tensor,
    inverse: Tensor,
    weight: Tensor,
    total: Tensor,
    times: Tensor,
    counts: Tensor,
) -> Tensor:
    """The gradient of its input."""
    n = counts.sum()
    towards = (x - along(mean, x)) * along(inverse**2 * times / n, x)
    return (gradient - along(total / n, x) - towards) * along(inverse * weight, x)


def over(x: Tensor) -> list[int]:
    """All dimensions but the channels'."""
    return [0, *range(2, x.dim())]


def along(each: Tensor, x: Tensor) -> Tensor:
    """A value per channel, beside x."""
    return each.view(1, -1, *[1] * (x.dim() - 2))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))

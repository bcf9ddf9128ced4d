"""What applying a run's model costs, measured while it predicts: its images per second and multiply-adds.

Nothing is computed twice for it, and no prediction is touched: the clock is read after each batch that the
evaluation takes anyway, when its scores have arrived on the CPU. A batch is read from the packed images,
normalised, and run through the model and the loss.
"""

import platform
from collections import Counter
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import nn

from bakeoff.config.schema import Image
from bakeoff.models.multiply_adds import UncountedError, multiply_adds
from bakeoff.pace import Due, Pace

_CPUS = Path("/proc/cpuinfo")


class BatchTimes(Pace):
    """A pace that also takes the time of each batch: `taken` has its images and seconds."""

    def __init__(self, what: str, done: int = 0, due: Due | None = None) -> None:
        super().__init__(what, done, due)
        self.taken: list[tuple[int, float]] = []
        self._done, self._at = done, self.due.clock()

    def __call__(self, done: int, total: int) -> None:
        """Note the batch that is done; log a line where one is due."""
        self.taken.append((done - self._done, self.due.clock() - self._at))
        super().__call__(done, total)
        self._done, self._at = done, self.due.clock()


class Measuring:
    """The measurements of one evaluation."""

    def __init__(self) -> None:
        self._times: list[BatchTimes] = []

    def pace(self, split: str) -> BatchTimes:
        """The pace of the split that begins now."""
        self._times.append(BatchTimes(split))
        return self._times[-1]

    def record(
        self, model: nn.Module, image: Image, device: torch.device, digest: str
    ) -> dict[str, Any]:
        """The content of inference.json, for the weights with `digest`; `model` loses its weights by it."""
        images_per_second, batch_size, batches = throughput([time.taken for time in self._times])
        return {
            "digest": digest,
            "images_per_second": images_per_second,
            "batch_size": batch_size,
            "batches": batches,
            "device": str(device),
            "gpu": torch.cuda.get_device_name(device) if device.type == "cuda" else None,
            "processor": _processor(),
            "threads": torch.get_num_threads(),
            "image": {"size": image.size, "channels": image.channels},
            **_counted(model, image),
        }


def throughput(
    splits: list[list[tuple[int, float]]],
) -> tuple[float | None, int | None, int]:
    """Images per second as the median over batches, the size of these, their number.

    `splits` has the images and seconds of each split's batches. The first of all is left out, in which
    memory is allocated and kernels are chosen, and so are those of another size than most.
    """
    timed = [batch for split in splits for batch in split][1:]
    if not timed:
        return None, None, 0
    counts = Counter(images for images, _ in timed)
    size = max(counts, key=lambda images: (counts[images], images))
    seconds = [taken for images, taken in timed if images == size]
    middle = median(seconds)
    return (size / middle if middle > 0 else None), size, len(seconds)


def _counted(model: nn.Module, image: Image) -> dict[str, Any]:
    """The multiply-adds of one image, or the reason why they are not known."""
    try:
        return {"multiply_adds": multiply_adds(model, image.channels, image.size)}
    except UncountedError as error:
        reason = str(error)
    except Exception as error:  # a model may need values; the predictions are written all the same
        reason = f"its forward fails on tensors without values: {type(error).__name__}: {error}"
    return {"multiply_adds": None, "not_counted": reason}


def _processor() -> str:
    """The name of the CPU as Linux has it, else its architecture."""
    try:
        lines = _CPUS.read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())

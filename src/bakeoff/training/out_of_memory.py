"""Out of memory: told with what took it and what to change, and not tried again as it is.

A run that had no room for its first step has none the next time. It leaves a mark beside its checkpoints, and
is refused at once until its configuration, its device or what is free there is another.
"""

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import torch

from bakeoff import __version__
from bakeoff.config.experiment import Run
from bakeoff.errors import OutOfMemoryError
from bakeoff.files import read_json, write_json
from bakeoff.training.available_memory import free_bytes, total_bytes
from bakeoff.training.distributed import World
from bakeoff.training.evaluate import EVALUATION_BATCH
from bakeoff.training.loop import TrainingLoop
from bakeoff.training.residency import in_gigabytes

MARK = "out-of-memory.json"  # in the folder of the run's checkpoints

SIGNS = re.compile(
    "out of memory"  # CUDA's, and NCCL's of CUDA
    "|DefaultCPUAllocator: can't allocate memory"
    "|ALLOC_FAILED"  # of cuBLAS, cuDNN, cuSOLVER
    "|could not create a primitive(?! descriptor)"  # oneDNN's; of what it cannot do it names the descriptor
)
"""In torch's errors of other kinds than its own for this."""

SAME = 1.02
"""Times the memory that was free then is still the same memory: it is never free to the byte."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that there was no memory, on a GPU or on the CPU."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return isinstance(error, RuntimeError) and SIGNS.search(str(error)) is not None


@dataclass
class Attempt:
    """A run on its device, in this job: what is told of it where there is no memory."""

    run: Run
    device: torch.device
    evaluates: bool = False  # a trained model, and trains nothing
    loop: TrainingLoop | None = None  # once it is made

    @property
    def trained(self) -> bool:
        """Whether there was room for a step."""
        return self.loop is not None and (self.loop.progress.epoch, self.loop.progress.step) > (
            1,
            0,
        )

    def told(self, error: BaseException) -> str:
        """The error's message: what was asked for, what was there, what to change."""
        side, batch_size = self.run.variant.image.size, self.run.variant.training.batch_size
        free, total = (in_gigabytes(of(self.device)) for of in (free_bytes, total_bytes))
        if self.evaluates or (self.loop is not None and not self.loop.objective.training):
            what, less = f"evaluating {EVALUATION_BATCH}", ""
        else:
            what, less = f"training on batches of {batch_size}", "training.batch_size or "
        return (
            f"{self.run.variant.name}: out of memory on {self._name()}, {what} images of {side} x {side} "
            f"pixels; {self._kept()}; {free} of {total} were free. Lower {less}image.size, take a smaller "
            f"model, or ask for {self._more()}. ({_first_line(error)})"
        )

    def _name(self) -> str:
        on_gpu = self.device.type == "cuda"
        return torch.cuda.get_device_name(self.device) if on_gpu else "the CPU"

    def _kept(self) -> str:
        splits = self.loop.images if self.loop is not None else {}
        held = [
            f"{name} {in_gigabytes(images.resident_bytes)}"
            for name, images in splits.items()
            if images.resident_bytes
        ]
        return f"images kept there: {', '.join(held)}" if held else "no images were kept there"

    def _more(self) -> str:
        if self.device.type == "cuda":
            return "a GPU with more memory (resources.gpu_model)"
        return f"more memory (resources.mem_mb: {self.run.variant.resources.mem_mb} now)"


@contextmanager
def out_of_memory_told(
    run: Run, device: torch.device, *, evaluates: bool = False
) -> Iterator[Attempt]:
    """Raise OutOfMemoryError in place of the errors of torch and Python that say so."""
    attempt = Attempt(run, device, evaluates)
    try:
        yield attempt
    except (RuntimeError, MemoryError, OSError) as error:
        if not is_out_of_memory(error):
            raise
        raise OutOfMemoryError(attempt.told(error)) from error


@contextmanager
def not_tried_again_as_it_is(
    checkpoints: Path,
    run: Run,
    device: torch.device,
    planned: str,
    world: World,
    *,
    fresh: bool = False,
) -> Iterator[Attempt]:
    """Refuse a run that had no room for its first step while nothing has changed; mark one that has none.

    `planned` is the digest of its configuration; `fresh` forgets the mark. Raises OutOfMemoryError, as
    `out_of_memory_told` does.
    """
    file, free = checkpoints / MARK, free_bytes(device)
    as_it_is = {
        "digest": planned,
        "device": device.type,
        "memory": total_bytes(device),
        "versions": [__version__, torch.__version__],
    }
    if fresh and world.writes:
        file.unlink(missing_ok=True)
    # Several processes would have to refuse together.
    if world.size == 1 and file.exists():
        then = read_json(file)
        if then["as_it_is"] == as_it_is and free <= SAME * then["free"]:
            raise OutOfMemoryError(
                f"{then['told']} Nothing has changed since {then['when']}, so it is not tried again; to try "
                f"all the same, remove {file}."
            )
        file.unlink()
    with out_of_memory_told(run, device) as attempt:
        try:
            yield attempt
        except (RuntimeError, MemoryError, OSError) as error:
            if world.size == 1 and is_out_of_memory(error) and not attempt.trained:
                when = datetime.now().astimezone().strftime("%Y-%m-%d %H:%M")
                told = {"told": attempt.told(error), "when": when}
                write_json(file, {"as_it_is": as_it_is, "free": free, **told})
            raise


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
